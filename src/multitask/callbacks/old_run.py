"""The unchanged model of an old run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multitask.checkpoints.calibrations import take_calibrations
from multitask.checkpoints.format import KEY, refuse_ensemble
from multitask.checkpoints.named_checkpoint import named_checkpoint, near_path
from multitask.checkpoints.reading import read_checkpoint
from multitask.checkpoints.source import source_of
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.training.description import take_names
from multitask.training.memory_limit import MemoryLimit


@dataclass
class OldRun:
    """An old run's model, frozen, in evaluation mode.

    Args:
        path: path of the checkpoint.
        sha256: hash of the file's bytes, in hexadecimal.
        model: the model, which predicts without any calibration.
        description: its inputs and outputs, see `multitask.training.description.describe`; empty if
            the checkpoint does not contain it.
        recipes: how its tasks were made, by name, see `multitask.checkpoints.recipe`.
    """

    path: Path
    sha256: str
    model: MultiTask
    description: dict[str, Any]
    recipes: dict[str, Any]


def read_old_run(checkpoint: str, trust: bool) -> OldRun:
    """Read the model of an old run.

    Args:
        checkpoint: path of the file, or of the run's folder.
        trust: whether the checkpoint may name any class.

    Raises:
        InputError: if there is no checkpoint, or it does not belong to one run.
    """
    path = named_checkpoint(Path(checkpoint))
    if not path.is_file():
        near = near_path(path)
        raise InputError(
            f"there is no checkpoint {path}, which is needed throughout training{near}"
        )
    try:
        content = read_checkpoint(path, mmap=True)
        refuse_ensemble(content)
        with MemoryLimit():
            model = MultiTask.load_from_checkpoint(path, map_location="cpu", trust=trust)
    except InputError as error:
        is_named = str(path) in str(error)
        raise InputError(str(error) if is_named else f"{path}: {error}") from error
    stamp = content.get(KEY)
    described = stamp.get("description") if isinstance(stamp, dict) else None
    described = described if isinstance(described, dict) else {}
    take_calibrations(model.named_tasks, None)
    take_names(model.named_tasks, described.get("tasks") or {})
    model.eval().requires_grad_(False)
    recipes = (content.get("hyper_parameters") or {}).get("tasks") or {}
    return OldRun(path, source_of(path, "KeepTasks", "").sha256, model, described, recipes)
