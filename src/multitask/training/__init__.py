"""What a training step needs besides the model: mean losses, evaluation, optimizer, and so on."""

from collections.abc import Sequence

from lightning.pytorch import Callback

from multitask.training.balancing_steps import BalancingSteps
from multitask.training.changed_rates import ChangedRates
from multitask.training.divergence import Divergence
from multitask.training.epoch_log import EpochLog
from multitask.training.evaluation import Evaluations
from multitask.training.mean_losses import has_loss, mean_where_labelled
from multitask.training.optimization import (
    Interval,
    OptimizerCallable,
    SchedulerCallable,
    optimizer_and_schedule,
)
from multitask.training.plateaus import Plateaus
from multitask.training.preparation import prepare
from multitask.training.schedule_length import RunLength
from multitask.training.sharding import shard_model
from multitask.training.skipped_steps import SkippedSteps
from multitask.training.step import Step
from multitask.training.step_log import StepLog
from multitask.training.task_losses import TaskLosses
from multitask.training.trial import tried

__all__ = [
    "Divergence",
    "Evaluations",
    "Interval",
    "OptimizerCallable",
    "SchedulerCallable",
    "SkippedSteps",
    "Step",
    "TaskLosses",
    "callbacks",
    "has_loss",
    "mean_where_labelled",
    "optimizer_and_schedule",
    "prepare",
    "shard_model",
    "tried",
]


def callbacks(tasks: Sequence[str]) -> list[Callback]:
    """What logs a training and steps its balancer and schedule, in the order in which it acts.

    Args:
        tasks: names of the tasks.
    """
    logs = [StepLog(tasks), EpochLog()]
    return [ChangedRates(), BalancingSteps(), *logs, Plateaus(), RunLength()]
