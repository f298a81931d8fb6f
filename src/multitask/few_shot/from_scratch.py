"""A network trained only on the support set."""

from __future__ import annotations

from multitask.encoders import Encoder
from multitask.few_shot.adapted import Adapted
from multitask.few_shot.all_parameters import AllParameters, BatchNorm
from multitask.few_shot.fresh import fresh_encoder
from multitask.few_shot.samples import Samples
from multitask.tasks import Task


class FromScratch(AllParameters):
    """Trains a head and an encoder with the same settings, starting from random weights.

    It shows the benefit of the run's weights. Batch normalisation is as in `AllParameters`.

    Args:
        steps: number of steps of AdamW.
        learning_rate: learning rate of AdamW.
        batch_norm: see `AllParameters`; with ``frozen`` nothing is normalised, because the running
            statistics of random weights are 0 and 1.

    Raises:
        InputError: if a setting is invalid, or the encoder was given a network.
    """

    name = "from scratch"

    def __init__(
        self, steps: int = 60, learning_rate: float = 0.003, batch_norm: BatchNorm = "support"
    ) -> None:
        super().__init__(steps, learning_rate, batch_norm)

    def learn(self, encoder: Encoder, name: str, task: Task, support: Samples) -> Adapted:
        return super().learn(fresh_encoder(encoder), name, task, support)
