"""The single-task networks that a study has trained."""

from __future__ import annotations

from pathlib import Path

from multitask.errors import InputError
from multitask.study.folder_names import slug
from multitask.study.plan import SINGLE_TASK


def single_task_networks(study: Path) -> dict[str, Path]:
    """A checkpoint of each task's own network, by its display name.

    Args:
        study: folder of the study.

    Raises:
        InputError: if it has none.
    """
    runs = study / "runs" / slug(SINGLE_TASK)
    found = {
        f"{folder.name} alone": sorted(folder.glob("*/*/checkpoints/best.ckpt"))
        for folder in sorted(runs.glob("*"))
    }
    paths = {name: each[0] for name, each in found.items() if each}
    if not paths:
        raise InputError(
            f"{study} has no finished network of a single task ({runs}); give a study's folder, or "
            "--against=OTHER.ckpt"
        )
    return paths
