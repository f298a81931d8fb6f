"""What every pass is: a training batch in, the outputs whose losses count out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import nn

from multitask.checkpoints.recipe import Recorded

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask, Outputs


class Pass(Recorded, nn.Module, ABC):
    """Decides how a training batch goes through the model.

    The default, `PlainPass`, is one forward pass. Others change the batch first, as adversarial
    training does, or the weights, as meta-learning does. Whatever they try before the pass that
    counts goes through ``model.tried``, which leaves no trace in the model.
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
