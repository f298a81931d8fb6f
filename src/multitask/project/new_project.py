"""``multitask new``: a separate project that can be trained immediately."""

from __future__ import annotations

import keyword
import os
import re
import sys
from importlib.machinery import PathFinder
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from multitask.errors import InputError, unwritable

TEMPLATE = Path(__file__).parent / "template"
NAME, VERSION = "my_project", "MULTITASK_VERSION"
"""Placeholders in the template for the project's name and for the version of this package."""
HIDDEN = ("gitignore", "github")
"""Files whose names begin with a dot in a project, but not in a package."""
LEFTOVERS = (".", "__pycache__")
TAKEN = ("configs", "notebooks", "runs", "studies", "sweeps", "tests", "wandb")
"""Folders of a project beside its package."""


def write_project(folder: Path) -> list[Path]:
    """Write a project: data, an encoder, configurations, a notebook, a test.

    Args:
        folder: target folder; its name becomes that of the Python package inside it.

    Returns:
        The files written.

    Raises:
        InputError: if the name cannot be that of a package, the folder is not empty, or it cannot
            be written.
    """
    name = folder.resolve().name
    _check_name(name)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} already exists; choose another name, or an empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        return _write_whole(folder, name)
    except OSError as error:
        error.filename = None  # A temporary file, which no longer exists.
        raise unwritable(error, str(folder), "choose another place") from error


def _write_whole(folder: Path, name: str) -> list[Path]:
    """Write all files or none: a folder left empty by a full disk can be tried again."""
    part = Path(mkdtemp(prefix=".part-", dir=folder))
    try:
        files = [_written(source, part, name) for source in sources()]
        for each in part.iterdir():
            each.rename(folder / each.name)
        return [folder / each.relative_to(part) for each in files]
    finally:
        rmtree(part, ignore_errors=True)


def _check_name(name: str) -> None:
    if not re.fullmatch("[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        plain = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")
        hint = f", as in {plain}" if plain[:1].isalpha() and plain != name else ""
        raise InputError(
            f"{name!r} cannot be the name of a Python package; use lower-case letters, digits and "
            f"underscores, and begin with a letter{hint}"
        )
    if name in TAKEN:
        raise InputError(f"'{name}' is a folder in every project; give the project another name")
    # The working folder contains the files to be written.
    others = [each for each in sys.path if each not in ("", os.getcwd())]
    if name in sys.stdlib_module_names or PathFinder.find_spec(name, others) is not None:
        raise InputError(f"there is already a Python package '{name}'; give yours another name")


def sources() -> list[Path]:
    """The files of the template, by their paths in it."""
    found = [each.relative_to(TEMPLATE) for each in TEMPLATE.rglob("*") if each.is_file()]
    # Tools that have processed the template leave files in such folders.
    return sorted(
        each for each in found if not any(part.startswith(LEFTOVERS) for part in each.parts)
    )


def _written(source: Path, folder: Path, name: str) -> Path:
    first, *others = (each.replace(NAME, name) for each in source.parts)
    path = folder.joinpath(f".{first}" if first in HIDDEN else first, *others)
    text = (TEMPLATE / source).read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(NAME, name).replace(VERSION, _release()), encoding="utf-8")
    return path


def _release() -> str:
    """The version, without the suffix of a local build."""
    return version("multitask").partition("+")[0]
