"""A finished run in one small file, for programs that compare runs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from multitask.module import MultiTask

SUMMARY = "summary.json"


def write_summary(
    folder: Path, model: MultiTask, values: Mapping[str, Tensor], cost: Mapping[str, float]
) -> None:
    """Write ``summary.json``, whose presence says that the run came to its end.

    It holds ``metrics`` (the last ones by name), ``best_score`` (None without validation),
    ``higher_is_better`` (by metric), ``headlines`` (each task's most telling metric) and ``cost``.

    Args:
        folder: the run's folder.
        model: the model.
        values: the last metrics by name.
        cost: see `multitask.callbacks.cost.Cost`.
    """
    summary = {
        "metrics": {name: float(value) for name, value in values.items()},
        "best_score": best_score(model),
        "higher_is_better": dict(model.evaluations.directions()),
        "headlines": {name: task.headline for name, task in model.named_tasks.items()},
        "cost": dict(cost),
    }
    part = folder / f"{SUMMARY}.part"
    part.write_text(json.dumps(summary, indent=1), encoding="utf-8")
    os.replace(part, folder / SUMMARY)


def read_summary(folder: Path) -> dict[str, Any] | None:
    """What `write_summary` wrote, None where the run has not come to its end."""
    try:
        return json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def best_score(model: MultiTask) -> float | None:
    """The best ``val/score`` of a training, None without validation.

    Args:
        model: the model, with the Trainer that has trained it.
    """
    callbacks = model.trainer.checkpoint_callbacks
    # A person's own checkpoints may watch something else.
    scores = [
        each.best_model_score
        for each in callbacks
        if isinstance(each, ModelCheckpoint) and each.monitor == "val/score"
    ]
    found = [float(score) for score in scores if score is not None]
    return max(found) if found and math.isfinite(max(found)) else None
