"""Files and folders that are whole or not there, and never take the place of another."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from multitask.errors import InputError


def refuse_existing(place: Path, option: str = "--output") -> None:
    """Refuse to write where something is.

    Args:
        place: where to.
        option: by which a person names the place.

    Raises:
        InputError: naming it.
    """
    if place.exists() or place.is_symlink():
        raise InputError(f"{place} is there already; choose another name with {option}=")


@contextmanager
def new_output(place: Path, option: str = "--output") -> Iterator[Path]:
    """Give a path to write to, and move what was written there to its place.

    If anything fails, nothing is left.

    Args:
        place: of the file or folder.
        option: by which a person names the place.

    Yields:
        A path with the same name, in a folder beside it.

    Raises:
        InputError: if something is at the place, or it cannot be written.
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
    # It may have come to be there meanwhile.
    refuse_existing(place, option)
    if part.is_dir():
        os.rename(part, place)
        return
    with part.open("rb") as file:
        os.fsync(file.fileno())
    try:
        # Fails if something is there, unlike a move.
        os.link(part, place)
    except FileExistsError:
        refuse_existing(place, option)
    except OSError:
        # Not all file systems have links.
        os.rename(part, place)


def _unwritable(place: Path, error: OSError, option: str) -> InputError:
    return InputError(
        f"{place} cannot be written ({error.strerror or error}); choose another place with "
        f"{option}="
    )
