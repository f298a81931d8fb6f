"""Has what wraps a model see which of its parameters learn, which it does only when it is made."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy


def wrap_anew(trainer: Trainer, model: Any) -> None:
    """Compile a model's networks again, and wrap it again in DistributedDataParallel.

    All processes must call it between the same steps. It does nothing if there is neither.

    Args:
        trainer: trains the model.
        model: see `multitask.MultiTask`.
    """
    if any(each._compiled_call_impl is not None for each in model.modules()):
        # Only a few graphs are kept of a network, after which it is compiled no longer.
        torch.compiler.reset()
    strategy = trainer.strategy
    if not isinstance(strategy, DDPStrategy) or strategy.model is model:
        return
    strategy.model = model
    strategy.configure_ddp()
    if (level := getattr(model.balancer, "level", None)) is not None:
        # The first step of a static graph says again which parameters get a gradient.
        level.has_stepped = False
