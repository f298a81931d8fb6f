"""A run's folder: how it is named, made and found again."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from pathlib import Path

from multitask.errors import InputError

CONFIG = "config.yaml"
PROVENANCE = "provenance.yaml"
LAST = "checkpoints/last.ckpt"


def new_folder(parent: Path) -> Path:
    """Name a folder ``<time>-<id>`` that no other run has; it is not made yet.

    Args:
        parent: where it will lie.
    """
    now = datetime.now()
    # The id begins with the milliseconds, so that names sort by time within a second too.
    return parent / f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03x}{secrets.token_hex(2)}"


def make_folder(folder: Path) -> None:
    """Make a run's folder, and those above it; the folder of a run that goes on is there already.

    Raises:
        InputError: if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the run's folder {folder} cannot be made ({error.strerror}); give another place with "
            "--run.root=..."
        ) from error


def part_file(folder: Path, name: str) -> Path:
    """Where the next part of a run writes a file that the parts before have written too.

    Args:
        folder: the run's folder.
        name: name of the first part's file, such as ``config.yaml``.

    Returns:
        That file, or the first free one of ``config-2.yaml``, ``config-3.yaml`` and so on.
    """
    path, part = folder / name, 1
    while path.exists():
        part += 1
        path = (folder / name).with_stem(f"{Path(name).stem}-{part}")
    return path


def config_of(folder: Path) -> Path:
    """The configuration that a run was last trained with: of its last part, if it was resumed."""
    parts = {
        int(match[1]): path
        for path in folder.glob("config-*.yaml")
        if (match := re.fullmatch(r"config-(\d+)\.yaml", path.name))
    }
    return parts[max(parts)] if parts else folder / CONFIG


def folder_of(checkpoint: Path) -> Path | None:
    """The folder of the run that a checkpoint belongs to, None where it lies in none.

    Args:
        checkpoint: path of the file, which is in the folder or one below, as
            ``<run>/checkpoints/best.ckpt`` is.
    """
    above = checkpoint.parents if len(checkpoint.parents) > 2 else checkpoint.absolute().parents
    return next((folder for folder in above[:2] if (folder / CONFIG).is_file()), None)


def resumable_run(run: str | None, root: Path) -> Path:
    """Find the run to go on with.

    Args:
        run: its folder; the last run with a checkpoint where not given.
        root: folder of all experiments, in which the last run is looked for.

    Raises:
        InputError: if there is none.
    """
    if run is None:
        runs = [path.parents[1] for path in root.glob(f"**/{LAST}")]
        runs = [folder for folder in runs if (folder / CONFIG).is_file()]
        if not runs:
            raise InputError(f"there is no run with a checkpoint in {root}")
        return max(runs, key=lambda folder: folder.name)
    folder = Path(run)
    if not (folder / CONFIG).is_file():
        raise InputError(f"{run} has no {CONFIG}; give a run's folder, as in {root}/digits/...")
    if not (folder / LAST).is_file():
        raise InputError(
            f"{run} has no {LAST} to go on from; start anew with: "
            f"multitask fit --config={folder / CONFIG}"
        )
    return folder
