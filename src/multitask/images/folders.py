"""Folders that a person names, in which ``~`` is their home."""

from __future__ import annotations

from pathlib import Path

from multitask.errors import InputError


def home_expanded(folder: Path | str) -> Path:
    """Replace ``~`` and ``~name`` by a home folder.

    Raises:
        InputError: if there is no such home.
    """
    try:
        return Path(folder).expanduser()
    except RuntimeError as error:
        raise InputError(
            f"the folder {folder} begins with the home of a user who does not exist; give another, "
            "or ./~... if its name begins with ~"
        ) from error
