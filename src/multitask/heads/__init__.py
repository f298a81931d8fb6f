"""Heads, which map the representation to a task's outputs; default: ``torch.nn.Linear``."""

from multitask.heads.centre import CentreHead
from multitask.heads.dense import DenseHead
from multitask.heads.mlp import MLPHead
from multitask.heads.smp_decoder import SmpDecoder
from multitask.heads.tokens import TokenHead

__all__ = ["CentreHead", "DenseHead", "MLPHead", "SmpDecoder", "TokenHead"]
