"""Files and folders that are written completely or not at all, and never replace others."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from multitask.errors import InputError


def refuse_existing(place: Path, option: str = "--output") -> None:
    """Reject a path that already exists.

    Args:
        place: path to write to.
        option: the option that specifies the path.

    Raises:
        InputError: with the path.
    """
    if place.exists() or place.is_symlink():
        raise InputError(f"{place} already exists; choose another name with {option}=")


@contextmanager
def new_output(place: Path, option: str = "--output") -> Iterator[Path]:
    """Provide a temporary path to write to, and move the result to its final place.

    If anything fails, nothing remains.

    Args:
        place: path of the file or folder.
        option: the option that specifies the path.

    Yields:
        A path with the same name, in a folder beside it.

    Raises:
        InputError: if the path exists or cannot be written.
    """
    refuse_existing(place, option)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    except OSError as error:
        raise _unwritable(place, error, option) from error
    try:
        yield folder / place.name
        _move(folder / place.name, place, option)
    except OSError as error:
        raise _unwritable(place, error, option) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move(part: Path, place: Path, option: str) -> None:
    # It may have been created in the meantime.
    refuse_existing(place, option)
    if part.is_dir():
        os.rename(part, place)
        return
    with part.open("rb") as file:
        os.fsync(file.fileno())
    try:
        # Unlike a move, this fails if the path exists.
        os.link(part, place)
    except FileExistsError:
        refuse_existing(place, option)
    except OSError:
        # Some file systems do not support links.
        os.rename(part, place)


def _unwritable(place: Path, error: OSError, option: str) -> InputError:
    return InputError(
        f"{place} cannot be written ({error.strerror or error}); choose another place with "
        f"{option}="
    )
