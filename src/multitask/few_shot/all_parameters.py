"""Fine-tuning of the whole network on a support set."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor

from multitask.encoders import Encoder
from multitask.errors import InputError
from multitask.few_shot.adapted import Adapted
from multitask.few_shot.fitting import check_steps, fit
from multitask.few_shot.learner import Learner, new_head
from multitask.few_shot.samples import Samples
from multitask.few_shot.statistics import take_statistics
from multitask.tasks import Task
from multitask.tasks.output import Output
from multitask.training.batch_statistics import batch_norms

BatchNorm = Literal["support", "frozen"]


class AllParameters(Learner):
    """Fits a new head and the whole encoder to the support set, including frozen parts.

    Args:
        steps: number of steps of AdamW.
        learning_rate: learning rate of AdamW.
        batch_norm: with ``support``, steps use the statistics of the support set's batches, and the
            final running statistics are those of the support set; with ``frozen``, the running
            statistics of the run are used and kept. The query set's statistics are never used. A
            support set of one sample has no statistics, so the running ones are kept as well.

    Raises:
        InputError: if a setting is invalid.
    """

    name = "all parameters"

    def __init__(
        self, steps: int = 30, learning_rate: float = 0.003, batch_norm: BatchNorm = "support"
    ) -> None:
        check_steps(type(self).__name__, steps, learning_rate)
        if batch_norm not in get_args(BatchNorm):
            raise InputError(f"batch_norm is {batch_norm!r}; choose from 'support', 'frozen'")
        self.steps, self.learning_rate, self.batch_norm = steps, learning_rate, batch_norm

    def learn(self, encoder: Encoder, name: str, task: Task, support: Samples) -> Adapted:
        adapted = Adapted(encoder, new_head(encoder, name, task), task)

        def outputs(places: Tensor) -> Output:
            return adapted(*(each[places] for each in support.inputs))

        keeps = self.batch_norm == "frozen" or len(support) == 1
        adapted.train()
        for layer in batch_norms(adapted).values() if keeps else ():
            layer.eval()
        fit(outputs, support.target, task, adapted, self.steps, self.learning_rate)
        if not keeps:
            take_statistics(adapted, len(support), outputs)
        return adapted
