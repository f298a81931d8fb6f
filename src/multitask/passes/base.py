"""The base class of passes, which compute the outputs for a training batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn

from multitask.checkpoints.recipe import Recorded
from multitask.errors import InputError

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask, Outputs


class Pass(Recorded, nn.Module, ABC):
    """Determines how a training batch is passed through the model.

    The default, `PlainPass`, is one forward pass. Others change the batch first, as in adversarial
    training, or the weights, as in meta-learning. All trial passes before the actual one use
    ``model.tried``, which does not change the model.

    Raises:
        InputError: if a class overrides `losses` but not `tried`, which would compute other losses.
    """

    is_plain: bool = False
    """Whether a step uses the unchanged batch with the model's own losses."""

    def __init__(self) -> None:
        super().__init__()
        owner = next(each for each in type(self).__mro__ if {"losses", "tried"} & vars(each).keys())
        if "tried" not in vars(owner):
            raise InputError(
                f"the pass {owner.__name__} overrides `losses` but not `tried`, with which a "
                "balancer recomputes the same losses; override both"
            )

    @property
    def joins_batch_norm(self) -> bool:
        """Whether batch normalisation may use the batch of all processes, not only its own."""
        return True

    @property
    def has_task_gradients(self) -> bool:
        """Whether each task has one gradient in a batch, which can be watched and compared."""
        return True

    def prepare(self, model: MultiTask, trainer: Trainer) -> None:
        """Inspect the model before training; does nothing by default.

        The program calls it before it creates the run's folder, and again when training starts.

        Args:
            model: the model.
            trainer: the Trainer, which has the data.

        Raises:
            InputError: if the pass cannot work with them.
        """

    @abstractmethod
    def forward(self, model: MultiTask, batch: Batch) -> tuple[Outputs, Batch]:
        """Pass the batch of this process.

        Args:
            model: the model; call it once, ``model(*model.inputs_of(batch))``, to compute the
                outputs, and ``model.tried`` any number of times before.
            batch: see `MultiTask`.

        Returns:
            Raw outputs, and the batch that they belong to.
        """

    def evaluated(self, model: MultiTask, batch: Batch) -> Outputs:
        """Pass this process's batch in validation or a test; by default once, unchanged.

        Args:
            model: the model, in evaluation mode; it is not changed.
            batch: see `MultiTask`.

        Returns:
            Raw outputs for the whole batch.
        """
        return model(*model.inputs_of(batch))

    def losses(self, model: MultiTask, outputs: Outputs, batch: Batch) -> tuple[Tensor, Tensor]:
        """Compute the losses of the return value of `forward`; by default those of the model.

        Args:
            model: the model.
            outputs: raw outputs.
            batch: the batch that they belong to.

        Returns:
            See `MultiTask.losses`.
        """
        return model.losses(outputs, batch)

    @torch.no_grad()
    def tried(self, model: MultiTask, batch: Batch) -> Tensor:
        """Compute the first of `losses` again, for example for a balancer that evaluates a step.

        A pass that overrides `losses` must override this too.

        Args:
            model: the model, with the weights after the step; it is not changed.
            batch: the last batch that `forward` returned.

        Returns:
            Shape ``[tasks]``, without gradients.
        """
        return model.tried(batch)
