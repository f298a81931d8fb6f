"""Choosing the checkpoint of a run that is given by its folder."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from multitask.errors import InputError, nearest

CONFIG = "config.yaml"
BEST = "checkpoints/best.ckpt"
LAST = "checkpoints/last.ckpt"
ENSEMBLE = "checkpoints/ensemble.ckpt"
"""The checkpoint that an ensemble of runs has instead of the others."""
SUMMARY = "summary.json"
SPARE = "spare"
"""Folder of backup copies, see `multitask.runs.deciding_files`."""
OF_HUB = "config.json"
"""A file in every folder for the hub; such a folder is read like a checkpoint."""


def named_checkpoint(given: Path) -> Path:
    """Return the resulting checkpoint of a run if its folder is given.

    Args:
        given: a run's folder; or a file or a folder for the hub, which are returned unchanged.

    Returns:
        For a run, its best checkpoint, or its ensemble, or, if the run was tested without
        validation, its last checkpoint.

    Raises:
        InputError: if a folder contains none of them.
    """
    if not given.is_dir():
        return given
    for name in (BEST, ENSEMBLE):
        if (given / name).is_file():
            return given / name
    # A run tested without a best checkpoint has no validation set, so its last checkpoint counts.
    has_last = (given / LAST).is_file()
    if has_last and any(name.startswith("test/") for name in _metrics(given)):
        return given / LAST
    if (given / OF_HUB).is_file():
        return given
    if not has_last and not any((each / CONFIG).is_file() for each in (given, given / SPARE)):
        raise InputError(
            f"{given} is neither the folder of a run nor one for the hub, which has {OF_HUB}; name "
            f"one, {_example(given)}or a checkpoint"
        )
    raise InputError(
        f"{given} has no {BEST}; give a run that has been validated once, or name its checkpoint"
    )


def near_path(given: Path) -> str:
    """Suggest the path that was probably intended.

    Args:
        given: a path that does not exist.

    Returns:
        See `multitask.errors.nearest`.
    """
    # A broken link itself exists; only its target is missing.
    missing = next(each for each in (given, *given.parents) if each.parent.exists())
    with suppress(OSError):
        beside = [str(each) for each in missing.parent.iterdir()]
        return nearest(str(missing), beside)
    return ""


def _metrics(folder: Path) -> dict[str, Any]:
    """Read the metrics from a run's summary, or from its backup if that is damaged."""
    for path in (folder / SUMMARY, folder / SPARE / SUMMARY):
        with suppress(OSError, ValueError, RecursionError):
            found = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(found, dict) and isinstance(found.get("metrics"), dict):
                return found["metrics"]
    return {}


def _example(folder: Path) -> str:
    """Name the run that was probably intended: an experiment's last one or the enclosing one."""
    runs = [folder.parent, *sorted(each.parent for each in folder.glob(f"*/{CONFIG}"))]
    found = [run for run in runs if (run / CONFIG).is_file()]
    return f"such as {found[-1]}, " if found else ""
