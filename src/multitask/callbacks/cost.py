"""What a training costs."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.hooks import RemovableHandle

from multitask.module import MultiTask

COUNTED = ("seconds", "steps", "forward_passes", "backward_passes")


class Cost(Callback):
    """Counts a training's seconds, steps, and passes through the encoder; of all its parts.

    A backward pass is any in which a gradient enters the encoder from above: plain training has
    one a batch, a balancer that compares gradients of parameters one more for each task, an attack
    one more for each of its steps. Validation is in the seconds, not in the passes.
    """

    def __init__(self) -> None:
        self.counts: dict[str, float] = dict.fromkeys(COUNTED, 0)
        self.parameters = self.trainable = 0
        self.peak_memory = 0
        self._began = time.perf_counter()
        self._hook: RemovableHandle | None = None
        self._trainer: Trainer | None = None
        self._has_ended = False

    def state_dict(self) -> dict[str, Any]:
        """What was counted so far."""
        return self.values()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Count on from what `state_dict` returned, unless it is the best checkpoint for a test."""
        if self._has_ended:
            return
        self.counts = {name: state_dict[name] for name in COUNTED}
        self.peak_memory = state_dict["peak_memory"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        assert isinstance(pl_module, MultiTask)
        self.parameters = sum(each.numel() for each in pl_module.parameters())
        self._trainer = trainer
        self._hook = pl_module.encoder.register_forward_hook(self._count)
        self._began = time.perf_counter()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Read the clock."""
        now = time.perf_counter()
        self.counts["seconds"] += now - self._began
        self._began = now

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop counting."""
        self._has_ended = True
        learning = (each for each in pl_module.parameters() if each.requires_grad)
        self.trainable = sum(each.numel() for each in learning)
        self.on_train_batch_end(trainer)
        self.counts["steps"] = trainer.global_step
        self.peak_memory = max(self.peak_memory, _peak_memory(pl_module.device))
        if self._hook is not None:
            self._hook.remove()
        self._trainer = None

    def values(self) -> dict[str, float]:
        """Seconds, steps, passes, number of parameters, and peak memory in bytes.

        The number of parameters is that of all, and of those that learned in the last step.
        """
        sizes = {"parameters": self.parameters, "trainable_parameters": self.trainable}
        return {**self.counts, **sizes, "peak_memory": self.peak_memory}

    def _count(self, encoder: nn.Module, inputs: Any, outputs: Any) -> None:
        # Of training, in whatever mode the encoder is: attacks have it in evaluation mode.
        if self._trainer is None or not self._trainer.training:
            return
        self.counts["forward_passes"] += 1
        tensors = [each for each in tree_leaves(outputs) if isinstance(each, Tensor)]
        if tensors and tensors[0].requires_grad:
            tensors[0].register_hook(self._count_back)

    def _count_back(self, gradient: Tensor | None) -> None:
        # A balancer that has added the parameters' gradient itself lets none enter.
        if gradient is not None:
            self.counts["backward_passes"] += 1


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # Of the whole process; Linux counts in kibibytes, macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
