"""Folders that a person names, in which ``~`` is their home."""

from __future__ import annotations

import os
from pathlib import Path

from multitask.errors import InputError


def home_expanded(folder: Path | str) -> Path:
    """Replace ``~`` and ``~name`` by a home folder.

    Shells do so at the start of an argument, but not after its equals sign.

    Returns:
        The path, which begins with no tilde, even if the folder's own name does: libraries would
        replace it again.

    Raises:
        InputError: if there is no such home.
    """
    expanded = os.path.expanduser(folder)
    if expanded.startswith("~"):
        raise InputError(
            f"the folder {folder} begins with the home of a user who does not exist; give another, "
            "or ./~... if its name begins with ~"
        )
    # A path forgets that it was written with ./ before the name.
    path = Path(expanded)
    return path.absolute() if str(path).startswith("~") else path
