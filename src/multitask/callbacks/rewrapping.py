"""Renewal of a model's wrappers, which check only when created which parameters learn."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy


def wrap_anew(trainer: Trainer, model: Any) -> None:
    """Compile a model's networks again, and wrap the model in DistributedDataParallel again.

    All processes must call this between the same steps. It does nothing if neither applies.

    Args:
        trainer: the Trainer of the model.
        model: see `multitask.MultiTask`.
    """
    if any(each._compiled_call_impl is not None for each in model.modules()):
        # PyTorch keeps only a few graphs of a network, and then stops compiling it.
        torch.compiler.reset()
    strategy = trainer.strategy
    if not isinstance(strategy, DDPStrategy) or strategy.model is model:
        return
    strategy.model = model
    strategy.configure_ddp()
    if (level := getattr(model.balancer, "level", None)) is not None:
        # The first step of a static graph records again which parameters get a gradient.
        level.has_stepped = False
