"""Which checkpoint a person means who names a run."""

from __future__ import annotations

from pathlib import Path

from multitask.errors import InputError
from multitask.runs.folder import BEST, CONFIG, ENSEMBLE, LAST, parts
from multitask.runs.summary import read_summary

OF_HUB = "config.json"
"""What a folder for the hub has, which is read like a checkpoint."""


def named_checkpoint(given: Path) -> Path:
    """The result of a run, if its folder is given.

    Args:
        given: a run's folder; or a file, or a folder for the hub, which are taken as they are.

    Returns:
        Of a run the best checkpoint, or the ensemble that it is, or, if the run was tested without
        validation, the last checkpoint.

    Raises:
        InputError: if a folder has none of them.
    """
    if not given.is_dir():
        return given
    for name in (BEST, ENSEMBLE):
        if (given / name).is_file():
            return given / name
    # Tested without a best one, a run has no validation set, and its last checkpoint counts.
    metrics = (read_summary(given) or {}).get("metrics", {})
    if (given / LAST).is_file() and any(name.startswith("test/") for name in metrics):
        return given / LAST
    if (given / OF_HUB).is_file():
        return given
    if not parts(given, CONFIG) and not (given / LAST).is_file():
        raise InputError(
            f"{given} is neither the folder of a run nor one for the hub, which has {OF_HUB}; name "
            "one, or a checkpoint"
        )
    raise InputError(
        f"{given} has no {BEST}; give a run that has been validated once, or name its checkpoint"
    )
