"""A new head on a fixed encoder."""

from __future__ import annotations

from torch import Tensor

from multitask.encoders import Encoder
from multitask.few_shot.adapted import Adapted
from multitask.few_shot.fitting import check_steps, fit, rows
from multitask.few_shot.learner import Learner, new_head
from multitask.few_shot.samples import Samples
from multitask.few_shot.statistics import take_statistics
from multitask.tasks import Task
from multitask.tasks.output import Output
from multitask.training.batch_statistics import batch_norms


class HeadOnly(Learner):
    """Fits the task's head to the features of the support set (Tian et al., 2020, 2003.11539).

    The encoder is always in evaluation mode: batch normalisation keeps the running statistics of
    the run, and ignores those of the support set. In a head, batch normalisation uses the
    statistics of the support set.

    Args:
        steps: number of steps of AdamW.
        learning_rate: learning rate of AdamW.

    Raises:
        InputError: if a setting is invalid.
    """

    name = "head only"

    def __init__(self, steps: int = 100, learning_rate: float = 0.01) -> None:
        check_steps(type(self).__name__, steps, learning_rate)
        self.steps, self.learning_rate = steps, learning_rate

    def learn(self, encoder: Encoder, name: str, task: Task, support: Samples) -> Adapted:
        adapted = Adapted(encoder.eval(), new_head(encoder, name, task), task)
        features = adapted.features(support.inputs)

        def outputs(places: Tensor) -> Output:
            return adapted.read(rows(features, places))

        adapted.head.train()
        for layer in batch_norms(adapted.head).values() if len(support) == 1 else ():
            layer.eval()
        fit(outputs, support.target, task, adapted.head, self.steps, self.learning_rate)
        if len(support) > 1:
            take_statistics(adapted.head, len(support), outputs)
        return adapted
