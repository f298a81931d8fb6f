"""A summary of a finished run in one small file, for programs that compare runs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from multitask.checkpoints.named_checkpoint import SUMMARY
from multitask.module import MultiTask
from multitask.runs.deciding_files import spare_of, whole_file, write_twice

SCORE = "val/score"


def write_summary(
    folder: Path,
    model: MultiTask,
    values: Mapping[str, Tensor],
    cost: Mapping[str, float],
    limits: Mapping[str, Any] | None = None,
) -> None:
    """Write ``summary.json``, whose presence marks the run as finished.

    It contains ``metrics`` (the last values by name), ``best_score`` (None without validation),
    ``higher_is_better`` (by metric), ``headlines`` (each task's headline metric), ``cost``,
    ``epochs`` (number of epochs trained) and ``limits`` (limits on the training's length).

    Args:
        folder: the run's folder.
        model: the model.
        values: the last metrics, by name.
        cost: see `multitask.callbacks.cost.Cost`.
        limits: see `multitask.runs.finished.limits`.
    """
    summary = {
        "metrics": {name: float(value) for name, value in values.items()},
        "best_score": best_score(model),
        "higher_is_better": dict(model.evaluations.directions()),
        "headlines": {name: task.headline for name, task in model.named_tasks.items()},
        "cost": dict(cost),
        "epochs": model.trainer.current_epoch,
        "limits": dict(limits or {}),
    }
    write_twice(folder / SUMMARY, json.dumps(summary, indent=1))


def read_summary(folder: Path) -> dict[str, Any] | None:
    """The content that `write_summary` wrote; None if unfinished or if no copy is intact."""
    path = whole_file(folder / SUMMARY, _is_whole)
    found = None if path is None else json.loads(path.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else None


def has_ended(folder: Path) -> bool:
    """Whether a run has finished.

    Args:
        folder: the run's folder.
    """
    return whole_file(folder / SUMMARY, _is_whole) is not None


def forget_summary(folder: Path) -> None:
    """Remove the mark that a run has finished.

    Args:
        folder: the run's folder.
    """
    # In the other order, a spare could replace the removed summary.
    for path in (spare_of(folder / SUMMARY), folder / SUMMARY):
        path.unlink(missing_ok=True)


def _is_whole(content: str) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def best_score(model: MultiTask) -> float | None:
    """The best ``val/score`` of a training; None without validation.

    Args:
        model: the model, with the Trainer that trained it.
    """
    # A user's own checkpoint callbacks may monitor another metric.
    scores = [
        each.best_model_score
        for each in model.trainer.checkpoint_callbacks
        if isinstance(each, ModelCheckpoint) and each.monitor == SCORE
    ]
    if not scores:
        # best.ckpt is selected by another metric, but the run's record still has the score.
        scores = [getattr(each, "best_score", None) for each in model.trainer.callbacks]  # type: ignore[attr-defined]
    found = [float(score) for score in scores if score is not None]
    return max(found) if found and math.isfinite(max(found)) else None
