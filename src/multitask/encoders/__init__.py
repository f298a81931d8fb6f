"""From images to the shared representation: one file for each encoder."""

from multitask.encoders.base import Encoder
from multitask.encoders.convnet import ConvNet
from multitask.encoders.displacement import Displacement
from multitask.encoders.mlp import MLP
from multitask.encoders.timm import Timm

__all__ = ["MLP", "ConvNet", "Displacement", "Encoder", "Timm"]
