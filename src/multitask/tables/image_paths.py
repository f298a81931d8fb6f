"""Conversion of names in a table to file paths, without opening files."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

NORMAL_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
"""A table and a disk may encode an accented letter as one character or as two."""


@dataclass(frozen=True)
class PathProblem:
    """The reason why a name does not lead to a usable file.

    Args:
        kind: name of the policy in `multitask.tables.cleaning.Cleaning`.
        reason: the reason in words.
        hint: what may have been intended, starting with a semicolon.
    """

    kind: str
    reason: str
    hint: str = ""


class ImagePaths:
    """Finds the files in one folder of images, with one file system access per file.

    Args:
        folder: folder that names are relative to.
        root: folder that must contain all files.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = os.path.abspath(folder)
        self.root = os.path.abspath(root)
        self.real_root = os.path.realpath(root)
        self._real_folder = cache(os.path.realpath)
        self._entries = cache(_entries)

    def find(self, name: str) -> tuple[str, str, list[PathProblem]]:
        """Find one file.

        Args:
            name: name as in the table, relative to the folder or absolute.

        Returns:
            The path; the path without symbolic links, which identifies the file; and a list of no
            or one problem.
        """
        path = os.path.normpath(os.path.join(self.folder, name))
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", name):
            reason = "it is a URL, and URLs are not downloaded; download the image, and "
            return path, path, [PathProblem("missing_file", f"{reason}give its file name")]
        if not _is_within(path, self.root):
            return path, path, [PathProblem("outside_root", f"the path leads outside {self.root}")]
        try:
            path, status = _looked_up(path)
        except (OSError, ValueError) as error:
            return path, path, [self._missing(path, name, error)]
        folder, last = os.path.split(path)
        real_folder = self._real_folder(folder)
        # Equal paths share one string, because a copy for each of many files needs memory.
        real = path if real_folder == folder else os.path.join(real_folder, last)
        if stat.S_ISLNK(status.st_mode):
            real = os.path.realpath(path)
            try:
                status = os.stat(path)
            except OSError:
                reason = f"the symbolic link leads to {real}, which does not exist"
                return path, real, [PathProblem("missing_file", reason)]
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "a special file"
            return path, real, [PathProblem("missing_file", f"{path} is {what}, not an image file")]
        if not _is_within(real, self.real_root):
            reason = f"a symbolic link leads outside {self.root}, to {real}"
            return path, real, [PathProblem("symbolic_link", reason)]
        return path, real, []

    def _missing(self, path: str, name: str, error: OSError | ValueError) -> PathProblem:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            reason = error.strerror if isinstance(error, OSError) else str(error)
            return PathProblem("missing_file", f"the file cannot be accessed ({reason})")
        if "\\" in name:
            what = "its name contains backslashes; use / instead"
            return PathProblem("missing_file", f"there is no file {path}, because {what}")
        folder, last = os.path.split(path)
        others = self._entries(folder)
        near = others.get(last.casefold()) or others.get(os.path.splitext(last)[0].casefold())
        hint = f"; did you mean '{near}'?" if near else ""
        if near and not os.path.splitext(last)[1]:
            ending = os.path.splitext(near)[1]
            hint += f" If all names lack it, set data.init_args.image_ending={ending}"
        return PathProblem("missing_file", f"there is no file {path}", hint)


def repeated(paths: Sequence[str]) -> dict[int, int]:
    """Find repeated paths.

    Args:
        paths: paths without symbolic links.

    Returns:
        For the index of each repetition, the index of the first occurrence.
    """
    first: dict[str, int] = {}
    return {
        place: first[path]
        for place, path in enumerate(paths)
        if first.setdefault(path, place) != place
    }


def _looked_up(path: str) -> tuple[str, os.stat_result]:
    try:
        return path, os.lstat(path)
    except FileNotFoundError:
        for form in NORMAL_FORMS:
            other = unicodedata.normalize(form, path)
            if other != path and os.path.lexists(other):
                return other, os.lstat(other)
        raise


def _is_within(path: str, root: str) -> bool:
    return path == root or path.startswith(root if root.endswith(os.sep) else root + os.sep)


def _entries(folder: str) -> dict[str, str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    without_ending = {os.path.splitext(name)[0].casefold(): name for name in sorted(names)}
    return without_ending | {name.casefold(): name for name in sorted(names)}
