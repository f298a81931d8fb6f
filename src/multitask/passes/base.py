"""What every pass is: a training batch in, the outputs whose losses count out."""

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
    """Decides how a training batch goes through the model.

    The default, `PlainPass`, is one forward pass. Others change the batch first, as adversarial
    training does, or the weights, as meta-learning does. Whatever they try before the pass that
    counts goes through ``model.tried``, which leaves no trace in the model.

    Raises:
        InputError: if a class overrides `losses` and leaves `tried` to compute others.
    """

    is_plain: bool = False
    """Whether a step learns from the batch as it is, with the model's own losses."""

    def __init__(self) -> None:
        super().__init__()
        owner = next(each for each in type(self).__mro__ if {"losses", "tried"} & vars(each).keys())
        if "tried" not in vars(owner):
            raise InputError(
                f"the pass {owner.__name__} overrides `losses` but not `tried`, by which a "
                "balancer computes the same losses again; override both"
            )

    @property
    def joins_batch_norm(self) -> bool:
        """Whether batch normalisation may see the batch of all processes; else each its own."""
        return True

    @property
    def has_task_gradients(self) -> bool:
        """Whether each task has one gradient in a batch, which can be watched and compared."""
        return True

    def prepare(self, model: MultiTask, trainer: Trainer) -> None:
        """Look at what is trained, before training; nothing to do by default.

        Args:
            model: the model.
            trainer: the Trainer, which has the data.

        Raises:
            InputError: if the pass cannot work with them.
        """

    @abstractmethod
    def forward(self, model: MultiTask, batch: Batch) -> tuple[Outputs, Batch]:
        """Pass this process's batch.

        Args:
            model: the model; call it once, ``model(*model.inputs_of(batch))``, for the outputs that
                count, and ``model.tried`` as often as needed before.
            batch: see `MultiTask`.

        Returns:
            Raw outputs, and the batch that they are of.
        """

    def evaluated(self, model: MultiTask, batch: Batch) -> Outputs:
        """Pass this process's batch in a validation or test; by default once, as it is.

        Args:
            model: the model, in evaluation mode; nothing of it changes.
            batch: see `MultiTask`.

        Returns:
            Raw outputs of all of the batch.
        """
        return model(*model.inputs_of(batch))

    def losses(self, model: MultiTask, outputs: Outputs, batch: Batch) -> tuple[Tensor, Tensor]:
        """The losses of what `forward` returned; those of the model by default.

        Args:
            model: the model.
            outputs: raw outputs.
            batch: the batch that they are of.

        Returns:
            See `MultiTask.losses`.
        """
        return model.losses(outputs, batch)

    @torch.no_grad()
    def tried(self, model: MultiTask, batch: Batch) -> Tensor:
        """Compute the first of `losses` again, as for a balancer that watches what a step did.

        A pass that overrides `losses` must override this, too.

        Args:
            model: the model, with the weights after the step; nothing of it changes.
            batch: what `forward` returned last.

        Returns:
            Shape ``[tasks]``, without gradients.
        """
        return model.tried(batch)
