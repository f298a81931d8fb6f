"""Lightning's own callbacks in a run: those that cannot work here, and those that fail."""

from __future__ import annotations

from collections.abc import Sequence
from traceback import walk_tb
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import (
    BaseFinetuning,
    LearningRateFinder,
    ModelSummary,
    ProgressBar,
    StochasticWeightAveraging,
    WeightAveraging,
)
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from multitask.callbacks import WeightAverage
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.runs.log_file import LOG

CANNOT_WORK: dict[type[Callback], str] = {
    LearningRateFinder: (
        "sets the model's attribute lr, but here the rate is a setting of the optimizer; try a few "
        "with --model.optimizer.lr=..., or search for it with a sweep (docs/sweeps.md)"
    ),
    BaseFinetuning: (
        "adds to the optimizer what it unfreezes, but the optimizer has every parameter from the "
        "start, and freezes it again if the run is resumed; use multitask.callbacks.Unfreezing, "
        "such as frozen: [encoder] with until: {encoder: 100}, and model.rates for a separate rate"
    ),
}
"""The reason, and what to do instead."""
AVERAGING = (WeightAverage, WeightAveraging, StochasticWeightAveraging)
"""Callbacks that replace the model's training weights by others."""


def check_callbacks(callbacks: Sequence[Callback], data: DataModule, trainer: Trainer) -> None:
    """Reject callbacks that cannot work in this training.

    Args:
        callbacks: the user's callbacks.
        data: the training data.
        trainer: the Trainer, before it trains.

    Raises:
        InputError: with a suggestion of what would be valid.
    """
    for each in callbacks:
        for kind, why in CANNOT_WORK.items():
            if isinstance(each, kind):
                raise InputError(f"the callback {type(each).__name__} cannot work here: it {why}")
    averaging = [each for each in callbacks if isinstance(each, AVERAGING)]
    names = [type(each).__name__ for each in averaging]
    if len(names) > 1:
        raise InputError(
            f"the callbacks {names[0]} and {names[1]} both average weights; use only one"
        )
    if names and isinstance(trainer.strategy, FSDPStrategy | ModelParallelStrategy):
        raise InputError(f"{names[0]} averages whole parameters; use the ddp strategy")
    for each in averaging:
        if isinstance(each, WeightAverage):
            each.check_start(trainer, data)


def has_bar(callbacks: Any) -> bool:
    """Whether the user has given a progress bar, which replaces the program's own."""
    return any(isinstance(each, ProgressBar) for each in listed(callbacks))


def has_summary(callbacks: Any) -> bool:
    """Whether the user has given a model summary; the program itself prints none."""
    return any(isinstance(each, ModelSummary) for each in listed(callbacks))


def failed_callback(error: Exception) -> InputError | None:
    """Explain an error of Lightning or of one of its callbacks.

    Args:
        error: the error that training raised.

    Returns:
        The sentence; None if the error comes from neither Lightning nor one of its callbacks.
    """
    reason = " ".join(f"{error}".split()).removesuffix(".") or "no reason is given"
    frames = [(frame.f_locals.get("self"), frame) for frame, _ in walk_tb(error.__traceback__)]
    places = [place for place, (owner, _) in enumerate(frames) if _is_lightnings(owner)]
    if isinstance(error, MisconfigurationException) and not places:
        LOG.info("Lightning refuses a setting", exc_info=error)
        return InputError(f"the Trainer cannot work as configured: {reason}")
    if not places or any(_is_persons(frame) for _, frame in frames[places[-1] :]):
        return None
    LOG.info("A callback failed", exc_info=error)
    said = reason if isinstance(error, MisconfigurationException) else f"{_kind(error)}: {reason}"
    name = type(frames[places[-1]][0]).__name__
    return InputError(f"the callback {name} cannot work here ({said}); change it or remove it")


def _kind(error: Exception) -> str:
    return type(error).__name__


def _is_lightnings(owner: Any) -> bool:
    return isinstance(owner, Callback) and type(owner).__module__.startswith("lightning.")


def _is_persons(frame: Any) -> bool:
    module = frame.f_globals.get("__name__", "")
    return "site-packages" not in frame.f_code.co_filename and not module.startswith("multitask.")


def listed(callbacks: Any) -> list[Any]:
    """Callbacks as a list, whether several, one or none were given."""
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
