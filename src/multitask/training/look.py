"""Looking ahead: computing the effect of a training step without changing the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor, nn

from multitask.distributed import sum_losses, world_size
from multitask.training.kept_outputs import kept_of
from multitask.training.trial import Found, losses_of, tried_in

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask

SHARED = "encoder."
"""Prefix of the names of parameters that all tasks share."""


class Look:
    """Computations for a balancer or callback before the forward pass of a training step.

    They do not change the model: see `multitask.training.tried`. All passes of a look use full
    precision, the same random numbers, such as those of dropout, and the global batch, so several
    processes get the same results as one. All processes must make the same calls.

    Args:
        model: the model during training.
        batch: this process's share of the next batch of training.
    """

    def __init__(self, model: MultiTask, batch: Batch) -> None:
        self.model, self.batch = model, batch

    @property
    def step(self) -> int:
        """The number of optimizer steps so far."""
        return self.model.trainer.global_step

    @cached_property
    def shared(self) -> dict[str, nn.Parameter]:
        """The trainable parameters that all tasks share, by name."""
        named = self.model.named_parameters()
        return {name: each for name, each in named if name.startswith(SHARED) if each.requires_grad}

    @cached_property
    def rates(self) -> dict[str, float]:
        """The learning rate of each of `shared`, by name; 0 if the optimizer does not update it."""
        groups = self.model.trainer.optimizers[0].param_groups
        rates = {id(each): group["lr"] for group in groups for each in group["params"]}
        return {name: float(rates.get(id(each), 0.0)) for name, each in self.shared.items()}

    def other_batch(self, split: str, tasks: tuple[str, ...] = ()) -> Batch:
        """A batch of held-out samples, which are not augmented or used for training.

        It only depends on the step, so that a resumed training uses the same batch.

        Args:
            split: ``meta`` or ``val``.
            tasks: only samples with a label of one of these tasks; default: any sample.

        Returns:
            This process's share, on the model's device.
        """
        trainer = self.model.trainer
        batch = trainer.datamodule.held_out_batch(split, self.step, tasks)  # type: ignore[attr-defined]
        batch = trainer.precision_plugin.convert_input(batch)
        return trainer.strategy.batch_to_device(batch, dataloader_idx=0)

    def losses(self, batch: Batch, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """Compute the losses with other weights.

        Args:
            batch: this process's share.
            weights: values by name that replace the model's own parameters.

        Returns:
            Each task's mean loss over the global batch times the task's weight, shape ``[tasks]``;
            without gradients, for which there is `gradients`.
        """
        with torch.no_grad():
            return self._tried(weights, lambda: losses_of(self.model, batch))

    def gradients(
        self, batch: Batch, sums: Tensor, weights: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, list[dict[str, Tensor]]]:
        """Differentiate weighted sums of the losses of one pass.

        Args:
            batch: this process's share.
            sums: factors of the losses in each sum, shape ``[sums, tasks]``.
            weights: values by name that replace the model's own parameters, and that are
                differentiated; default: `shared`.

        Returns:
            The losses, shape ``[tasks]``, and for each sum the gradient on the global batch, by
            name; equal on all processes.
        """
        by: Mapping[str, Tensor] = weights or self.shared

        def found() -> tuple[Tensor, list[dict[str, Tensor]]]:
            losses, rows = losses_of(self.model, batch), []
            for place, factors in enumerate(sums.to(losses)):
                is_last = place == len(sums) - 1
                # With a product, NaN of a loss with factor 0 would remain.
                loss = losses[factors != 0] @ factors[factors != 0]
                gradient = torch.autograd.grad(
                    loss, list(by.values()), retain_graph=not is_last, materialize_grads=True
                )
                rows.append(dict(zip(by, map(_averaged, gradient), strict=True)))
            return losses.detach(), rows

        return self._tried(weights, found)

    def labelled(self, batch: Batch) -> Tensor:
        """Mask of the tasks with a label in the global batch, shape ``[tasks]``, bool."""
        tasks = self.model.named_tasks.items()
        known = [task.known(batch[name]).sum() for name, task in tasks]
        kept = [len(batch[name]) * (kept_of(batch, name) is not None) for name, _ in tasks]
        return sum_losses(torch.stack(known) + torch.tensor(kept, device=known[0].device)) > 0

    def _tried(self, weights: Mapping[str, Tensor] | None, compute: Callable[[], Found]) -> Found:
        return tried_in(self.model, weights or {}, compute, in_full_precision=True)


def _averaged(gradient: Tensor) -> Tensor:
    if world_size() > 1:
        dist.all_reduce(gradient)
        gradient /= world_size()
    return gradient
