"""A run's folder: its name, its creation, and how to find it."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from pathlib import Path

from multitask.checkpoints.named_checkpoint import BEST as BEST
from multitask.checkpoints.named_checkpoint import CONFIG, SPARE
from multitask.configuration.trust import names_others
from multitask.errors import InputError

PROVENANCE = "provenance.yaml"
SOUP = "soup.yaml"
"""List of the runs that a soup averages; a trained run does not have this file."""


def new_folder(parent: Path) -> Path:
    """Choose a unique name ``<time>-<id>`` for a folder, without creating it.

    Args:
        parent: folder that will contain it.
    """
    now = datetime.now()
    # The id begins with the milliseconds, so that names sort by time even within a second.
    return parent / f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03x}{secrets.token_hex(2)}"


def make_folder(folder: Path) -> None:
    """Create a run's folder and its parents; the folder of a resumed run already exists.

    Raises:
        InputError: if it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the run's folder {folder} cannot be created ({error.strerror}); choose another place "
            "with --run.root=..."
        ) from error


def part_file(folder: Path, name: str) -> Path:
    """The path at which the next part of a run writes a file that earlier parts also wrote.

    Args:
        folder: the run's folder.
        name: name of the first part's file, such as ``config.yaml``.

    Returns:
        That file, or the one after the last of ``config-2.yaml``, ``config-3.yaml`` and so on.
    """
    found = parts(folder, name)
    return folder / name if not found else _numbered(folder / name, _number(found[-1], name) + 1)


def parts(folder: Path, name: str) -> list[Path]:
    """The files that the parts of a run have written, from oldest to newest.

    Args:
        folder: the run's folder.
        name: name of the first part's file.

    Returns:
        Their paths; a file may be missing if its spare exists.
    """
    pattern = f"{Path(name).stem}*{Path(name).suffix}"
    near = {each.name for place in (folder, folder / SPARE) for each in place.glob(pattern)}
    numbers = {_number(Path(each), name) for each in near} - {0}
    return [_numbered(folder / name, number) for number in sorted(numbers)]


def _number(path: Path, name: str) -> int:
    """The number of the part that wrote a file; 0 if it is another file."""
    if path.name == name:
        return 1
    stem, suffix = re.escape(Path(name).stem), re.escape(Path(name).suffix)
    found = re.fullmatch(rf"{stem}-([1-9][0-9]{{0,8}}){suffix}", path.name)
    return int(found[1]) if found else 0


def _numbered(first: Path, number: int) -> Path:
    return first if number == 1 else first.with_stem(f"{first.stem}-{number}")


def config_of(folder: Path) -> Path:
    """The configuration that a run was last trained with: that of its last part, if resumed."""
    found = parts(folder, CONFIG)
    return found[-1] if found else folder / CONFIG


def resume_of(folder: Path) -> str:
    """The command that resumes a run.

    Args:
        folder: the run's folder.
    """
    try:
        vouched = names_others(config_of(folder).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        vouched = False
    return f"multitask resume {folder}{' --trust' if vouched else ''}"


def folder_of(checkpoint: Path) -> Path | None:
    """The folder of the run that a checkpoint belongs to; None if it is not in a run's folder.

    Args:
        checkpoint: path of the file, which is in the folder or one below it, such as
            ``<run>/checkpoints/best.ckpt``.
    """
    above = checkpoint.parents if len(checkpoint.parents) > 2 else checkpoint.absolute().parents
    return next((folder for folder in above[:2] if parts(folder, CONFIG)), None)
