"""Looking ahead: what a training step would do, computed without a trace in the model."""

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
"""What names of parameters that all tasks share begin with."""


class Look:
    """What a balancer or callback may try before the forward pass of a training step.

    Nothing that it computes changes the model: see `multitask.training.tried`. All passes of a look
    compute in full precision, draw the same random numbers, such as those of dropout, and see the
    global batch, so that several processes find what one finds. All processes make the same calls.

    Args:
        model: the model, while it is trained.
        batch: this process's share of the batch that the step is about to see.
    """

    def __init__(self, model: MultiTask, batch: Batch) -> None:
        self.model, self.batch = model, batch

    @property
    def step(self) -> int:
        """The number of optimizer steps made before."""
        return self.model.trainer.global_step

    @cached_property
    def shared(self) -> dict[str, nn.Parameter]:
        """The parameters that all tasks share and that learn now, by name."""
        named = self.model.named_parameters()
        return {name: each for name, each in named if name.startswith(SHARED) if each.requires_grad}

    @cached_property
    def rates(self) -> dict[str, float]:
        """The optimizer's learning rate of each of `shared`, by name; 0 if it does not step it."""
        groups = self.model.trainer.optimizers[0].param_groups
        rates = {id(each): group["lr"] for group in groups for each in group["params"]}
        return {name: float(rates.get(id(each), 0.0)) for name, each in self.shared.items()}

    def other_batch(self, split: str, tasks: tuple[str, ...] = ()) -> Batch:
        """A batch of held-out samples, neither augmented nor ever trained on.

        Which one depends on the step alone, so that a resumed training sees the same.

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
        """Compute the losses, as with other weights.

        Args:
            batch: this process's share.
            weights: by name, what takes the place of the model's own parameters.

        Returns:
            Each task's mean loss over the global batch times the task's weight, shape ``[tasks]``;
            without gradients, which `gradients` computes.
        """
        with torch.no_grad():
            return self._tried(weights, lambda: losses_of(self.model, batch))

    def gradients(
        self, batch: Batch, sums: Tensor, weights: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, list[dict[str, Tensor]]]:
        """Differentiate weighted sums of the losses of one pass.

        Args:
            batch: this process's share.
            sums: the losses' factors in each sum, shape ``[sums, tasks]``.
            weights: by name, what takes the place of the model's own parameters, and what is
                differentiated by; default: `shared`.

        Returns:
            The losses, shape ``[tasks]``, and of each sum the gradient of the global batch, by
            name; the same on all processes.
        """
        by: Mapping[str, Tensor] = weights or self.shared

        def found() -> tuple[Tensor, list[dict[str, Tensor]]]:
            losses, rows = losses_of(self.model, batch), []
            for place, factors in enumerate(sums.to(losses)):
                is_last = place == len(sums) - 1
                # With a product, a loss that does not count would still bring its NaN.
                loss = losses[factors != 0] @ factors[factors != 0]
                gradient = torch.autograd.grad(
                    loss, list(by.values()), retain_graph=not is_last, materialize_grads=True
                )
                rows.append(dict(zip(by, map(_averaged, gradient), strict=True)))
            return losses.detach(), rows

        return self._tried(weights, found)

    def labelled(self, batch: Batch) -> Tensor:
        """Which tasks have a label in the global batch, shape ``[tasks]``, bool."""
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
