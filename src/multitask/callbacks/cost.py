"""The cost of a training."""

from __future__ import annotations

import logging
import resource
import sys
import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.hooks import RemovableHandle

from multitask.errors import one_line
from multitask.module import MultiTask
from multitask.training.model_size import MULTIPLY_ADDS, multiply_adds, parameter_counts

LOG = logging.getLogger("multitask")
COUNTED = ("seconds", "steps", "forward_passes", "backward_passes")


class Cost(Callback):
    """Count a training's seconds, steps and passes through the encoder, over all of its parts.

    A backward pass is any pass in which a gradient enters the encoder from above. Plain training
    has one per batch, a balancer that compares gradients of parameters one more per task, and an
    attack one more per step. The seconds include validation; the passes do not.

    At the first batch, the callback measures the model's size (see
    `multitask.training.model_size`), which the model's description contains from then on.
    """

    def __init__(self) -> None:
        self.counts: dict[str, float] = dict.fromkeys(COUNTED, 0)
        self.size: dict[str, int] = {}
        self.trainable = 0
        self.peak_memory = 0
        self._began = time.perf_counter()
        self._hook: RemovableHandle | None = None
        self._trainer: Trainer | None = None
        self._is_measured = self._has_ended = False

    def state_dict(self) -> dict[str, Any]:
        """The counts so far."""
        return self.values()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from `state_dict`, unless the best checkpoint is loaded for a test."""
        if self._has_ended:
            return
        self.counts = {name: state_dict[name] for name in COUNTED}
        self.peak_memory = state_dict["peak_memory"]
        if MULTIPLY_ADDS in state_dict:
            self.size[MULTIPLY_ADDS] = state_dict[MULTIPLY_ADDS]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        assert isinstance(pl_module, MultiTask)
        self.size |= parameter_counts(pl_module)
        self._trainer, self._is_measured = trainer, False
        self._hook = pl_module.encoder.register_forward_hook(self._count)
        self._began = time.perf_counter()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Measure the model at the first batch."""
        if self._is_measured:
            return
        assert isinstance(pl_module, MultiTask)
        # The measurement is not part of training: neither its passes nor its seconds count.
        began, self._trainer = time.perf_counter(), None
        self._measure(pl_module, batch)
        self._trainer, self._began = trainer, self._began + time.perf_counter() - began

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
        """Seconds, steps, passes, numbers of parameters, multiply-adds, and peak memory in bytes.

        ``trainable_parameters`` are those that learned in the last step. See
        `multitask.training.model_size` for the others, and for ``multiply_adds``, which are omitted
        if they could not be counted.
        """
        sizes = {"parameters": 0, **self.size, "trainable_parameters": self.trainable}
        return {**self.counts, **sizes, "peak_memory": self.peak_memory}

    def _measure(self, model: MultiTask, batch: Any) -> None:
        self._is_measured = True
        try:
            self.size[MULTIPLY_ADDS] = multiply_adds(model, model.inputs_of(batch))
        except Exception as error:
            # A model that fails on a batch of one sample can still be trained.
            reason = one_line(str(error))[:200] or type(error).__name__
            rank_zero_warn(f"the model's multiply-adds cannot be counted: {reason}")
        if model.description is not None:
            model.description["size"] = dict(self.size)
        sizes = [f"{size:,} {name.replace('_', ' ')}" for name, size in self.size.items()]
        LOG.info("The model has %s", ", ".join(sizes))

    def _count(self, encoder: nn.Module, inputs: Any, outputs: Any) -> None:
        # Check for training itself, whatever the encoder's mode: attacks run it in evaluation mode.
        if self._trainer is None or not self._trainer.training:
            return
        self.counts["forward_passes"] += 1
        tensors = [each for each in tree_leaves(outputs) if isinstance(each, Tensor)]
        if tensors and tensors[0].requires_grad:
            tensors[0].register_hook(self._count_back)

    def _count_back(self, gradient: Tensor | None) -> None:
        # If a balancer has added the gradient of the parameters itself, no gradient enters here.
        if gradient is not None:
            self.counts["backward_passes"] += 1


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # The peak of the whole process; Linux counts in kibibytes, macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
