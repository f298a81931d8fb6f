"""The callbacks that monitor and log training, and step its balancer and schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning.pytorch import Callback

from multitask.training.balancing_steps import BalancingSteps
from multitask.training.changed_rates import ChangedRates
from multitask.training.divergence import Divergence
from multitask.training.epoch_log import EpochLog
from multitask.training.input_draws import InputDraws
from multitask.training.plateaus import Plateaus
from multitask.training.schedule_length import RunLength
from multitask.training.sharing_steps import SharingSteps
from multitask.training.skipped_steps import SkippedSteps
from multitask.training.step_log import StepLog

if TYPE_CHECKING:
    from multitask.module import MultiTask


def watchers(model: MultiTask) -> list[Callback]:
    """The callbacks of a model, in the order of their calls; new ones for each training.

    Args:
        model: the model, which stores them, and gets new ``skipped`` and ``divergence``.

    Returns:
        Those that its Trainer does not have yet.
    """
    if model.trainer.state.fn == "fit" or not model._callbacks:
        tasks = list(model.tasks)
        model.skipped, model.divergence = SkippedSteps(model.skipped.most), Divergence(tasks)
        steps = [ChangedRates(), InputDraws(), SharingSteps(), BalancingSteps()]
        logs = [StepLog(tasks), EpochLog()]
        schedules = [Plateaus(), RunLength()]
        model._callbacks = [model.skipped, model.divergence, *steps, *logs, *schedules]
    known: list[Callback] = model.trainer.callbacks  # type: ignore[attr-defined]
    return [each for each in model._callbacks if each not in known]
