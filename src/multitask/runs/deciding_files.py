"""Files that determine how a run continues: written atomically and twice, and verified on read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch.utilities import rank_zero_only

from multitask.checkpoints.atomic_writing import write_whole
from multitask.errors import InputError, naming
from multitask.runs.folder import CONFIG, SPARE, part_file, parts
from multitask.runs.log_file import say

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The fast loader: as safe as the other, and ten times as fast."""
_tell = rank_zero_only(say)
IsValid = Callable[[str], bool]


def write_part(folder: Path, name: str, content: str) -> None:
    """Write the file of the next part of a run, see `multitask.runs.folder.part_file`.

    Args:
        folder: the run's folder.
        name: name of the first part's file.
        content: content of the file.
    """
    write_twice(part_file(folder, name), content)


def write_twice(path: Path, content: str) -> None:
    """Write a file, and a spare that is read if the file is damaged later.

    Args:
        path: path of the file, in the run's folder.
        content: content of the file.
    """
    write_whole(path, content)
    spare = spare_of(path)
    with naming(spare):
        spare.parent.mkdir(exist_ok=True)
    write_whole(spare, content)


def spare_of(path: Path) -> Path:
    """The path of a file's spare."""
    return path.parent / SPARE / path.name


def whole_file(path: Path, is_valid: IsValid) -> Path | None:
    """A file, or its spare if the file is damaged, which is reported.

    Args:
        path: path of the file.
        is_valid: whether a text can be the content of the file.

    Returns:
        The path of an intact file; None if neither is intact.
    """
    spare = spare_of(path)
    content, copy = _text(path), _text(spare)
    is_cut = bool(copy) and len(content.rstrip()) < len(copy.rstrip()) and copy.startswith(content)
    if content and not is_cut and is_valid(content):
        return path
    if path.exists() or copy:
        reason = "has been cut short" if is_cut and content else "is damaged"
        what = "is missing" if not path.exists() else "is empty" if not content else reason
        if copy and is_valid(copy):
            _tell(f"{path} {what}, so {spare} is used instead")
            return spare
        _tell(f"{path} {what}, and so is its spare")
    return None


def whole_part(folder: Path, name: str, is_valid: IsValid, newest: bool = True) -> Path | None:
    """The newest or oldest intact part of a file; damaged parts are reported.

    Args:
        folder: the run's folder.
        name: name of the first part's file.
        is_valid: whether a text can be the content of a file.
        newest: whether to return the newest part; if false, the oldest.
    """
    found = parts(folder, name)
    for path in reversed(found) if newest else found:
        if (whole := whole_file(path, is_valid)) is not None:
            return whole
    return None


def whole_config(folder: Path) -> Path:
    """The configuration that a run was last trained with, or the previous one if it is damaged.

    Args:
        folder: the run's folder.

    Raises:
        InputError: if none is intact.
    """
    if (found := whole_part(folder, CONFIG, _is_config)) is None:
        raise InputError(
            f"{folder / CONFIG} is damaged, and no earlier one is intact; repair it, or "
            "give the settings with --config=... in a new run"
        )
    return found


def _is_config(content: str) -> bool:
    found: Any = None
    with suppress(yaml.YAMLError, ValueError, RecursionError):
        found = yaml.load(content, Loader=LOADER)
    return isinstance(found, dict) and bool(found)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8").strip("\0")
    except (OSError, UnicodeDecodeError):
        return ""
