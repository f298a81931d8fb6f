"""The parts of training besides the model: mean losses, evaluation, optimizer, and so on."""

from multitask.training.divergence import Divergence
from multitask.training.evaluation import Evaluations
from multitask.training.mean_losses import has_loss, mean_where_labelled
from multitask.training.optimization import (
    Interval,
    OptimizerCallable,
    SchedulerCallable,
    optimizer_and_schedule,
)
from multitask.training.parameter_groups import updated_elsewhere
from multitask.training.preparation import prepare
from multitask.training.rates import Rates
from multitask.training.sharding import shard_model
from multitask.training.skipped_steps import SkippedSteps
from multitask.training.step import Step
from multitask.training.task_losses import TaskLosses
from multitask.training.trial import tried
from multitask.training.watchers import watchers

__all__ = [
    "Divergence",
    "Evaluations",
    "Interval",
    "OptimizerCallable",
    "Rates",
    "SchedulerCallable",
    "SkippedSteps",
    "Step",
    "TaskLosses",
    "has_loss",
    "mean_where_labelled",
    "optimizer_and_schedule",
    "prepare",
    "shard_model",
    "tried",
    "updated_elsewhere",
    "watchers",
]
