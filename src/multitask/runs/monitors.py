"""Checks of the metrics that callbacks and schedules monitor: measured, and in the right mode."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from torchmetrics import MetricCollection

from multitask.callbacks.changed_metrics import attacks_of, of_part
from multitask.callbacks.source_evaluation import of_source
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.training.data_check import unlabelled

MOST_NAMED = 40
KNOWN_MODULES = ("lightning.", "multitask.", "torch.")
SCORE = "score"


def check_monitors(
    callbacks: Sequence[Any], model: MultiTask, data: DataModule, trainer: Trainer, configured: Any
) -> None:
    """Reject a monitor of a metric that will not be measured, or in the wrong direction.

    Args:
        callbacks: the user's callbacks.
        model: the model, which defines the metrics.
        data: the data, whose sources have their own metrics.
        trainer: the Trainer.
        configured: the optimizer and its schedule, in Lightning's format.

    Raises:
        InputError: with the available metrics, or the correct mode.
    """
    known = measured(model, data, trainer.limit_val_batches, callbacks)
    # The metrics that a user's own callback logs are not known in advance.
    is_complete = all(type(each).__module__.startswith(KNOWN_MODULES) for each in callbacks)
    schedule = configured.get("lr_scheduler", {}) if isinstance(configured, dict) else {}
    if "monitor" in schedule:
        kind = type(schedule["scheduler"]).__name__
        _check(schedule["monitor"], schedule["scheduler"], f"the scheduler {kind}", known, True)
    for each in callbacks:
        monitor = getattr(each, "monitor", None)
        if isinstance(monitor, str) and not _is_by_others(monitor, each, callbacks):
            _check(monitor, each, f"the callback {type(each).__name__}", known, is_complete)


def best_is_highest(
    monitor: str, model: MultiTask, data: DataModule, trainer: Any, callbacks: Sequence[Any]
) -> bool:
    """Whether the best checkpoint is the one with the highest value of ``run.monitor``.

    Args:
        monitor: the metric.
        model: the model.
        data: the data.
        trainer: the Trainer's settings.
        callbacks: the user's callbacks.

    Raises:
        InputError: if no validation measures the metric, or its direction is unknown.
    """
    if monitor == f"val/{SCORE}":
        return True
    if trainer.enable_checkpointing is False:
        raise InputError(
            "run.monitor chooses best.ckpt, but trainer.enable_checkpointing is false; set it to "
            "true, or remove run.monitor"
        )
    found = measured(model, data, trainer.limit_val_batches, callbacks)
    known = {name: higher for name, higher in found.items() if name.startswith("val/")}
    robust = [of_part(f"val/{SCORE}", part).rpartition("/")[0] for part in attacks_of(callbacks)]
    rare = [f"{each}/" for each in robust if not any(name.startswith(f"{each}/") for name in known)]
    if any(monitor.startswith(each) for each in rare):
        raise InputError(
            f"run.monitor is '{monitor}', which RobustEvaluation does not measure in each "
            "validation; set its every to 1"
        )
    _check(monitor, None, "run.monitor", known, True)
    if (higher := known[monitor]) is None:
        raise InputError(
            f"run.monitor is '{monitor}', which does not define whether higher is better; "
            "choose another metric"
        )
    return higher


def measured(
    model: MultiTask, data: DataModule, limit_val_batches: Any, callbacks: Sequence[Any] = ()
) -> dict[str, bool | None]:
    """The metrics that a training measures.

    Args:
        model: the model.
        data: the data.
        limit_val_batches: the Trainer's; 0 means no validation.
        callbacks: the user's callbacks, which may measure more metrics.

    Returns:
        Whether higher is better, by the name of the metric; None if its direction is unknown.
    """
    found: dict[str, bool | None] = {}
    data.setup()
    if limit_val_batches != 0 and "val" in data.splits:
        without = unlabelled(model.named_tasks, data, "val")
        whole = {f"val/{SCORE}": True, **_of_tasks(model, "val", without)}
        of_sources = {
            of_source(name, source): higher
            for source in data.source_rows("val")
            for name, higher in whole.items()
        }
        under_attack = {
            of_part(name, part): higher
            for part in attacks_of(callbacks, in_each_epoch=True)
            for name, higher in whole.items()
        }
        found = {**whole, **of_sources, **under_attack}
    return {**found, f"train/{SCORE}": True, "loss": False, **_of_tasks(model, "train", [])}


def _of_tasks(model: MultiTask, split: str, without: Sequence[str]) -> dict[str, bool | None]:
    found: dict[str, bool | None] = {}
    for task in model.named_tasks:
        if task in without:
            continue
        if split != "train":
            found[f"{split}/{task}/loss"] = False
        metrics: MetricCollection = model.evaluations.of(split).metrics[task]  # type: ignore[assignment]
        found |= {f"{split}/{task}/{name}": each.higher_is_better for name, each in metrics.items()}
    return found


def _is_by_others(monitor: str, callback: Any, callbacks: Sequence[Any]) -> bool:
    if monitor in ("epoch", "step"):
        return isinstance(callback, ModelCheckpoint)
    return monitor.startswith("lr-") and any(
        isinstance(each, LearningRateMonitor) for each in callbacks
    )


def _check(
    monitor: str, watching: Any, called: str, known: dict[str, bool | None], is_complete: bool
) -> None:
    if monitor not in known:
        near = get_close_matches(monitor, known, 1, 0.6 if is_complete else 0.8)
        if not near and not is_complete:
            return
        names = list(known)
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        meant = f"; did you mean '{near[0]}'?" if near else ";"
        raise InputError(
            f"{called} watches '{monitor}', which is not measured{meant} available metrics: "
            f"{', '.join(names[:MOST_NAMED])}{more}"
        )
    right = {True: "max", False: "min"}.get(known[monitor])  # type: ignore[arg-type]
    if right is not None and getattr(watching, "mode", right) not in (right, "auto"):
        end = "higher" if right == "max" else "lower"
        raise InputError(
            f"{called} watches '{monitor}', which is better when {end}; set its mode to {right}"
        )
