"""New samples to predict for: their images, and their columns in a table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from multitask.errors import InputError
from multitask.images.file_stems import file_stems
from multitask.inspection.natural_order import natural
from multitask.tables.class_folders import is_image_name, is_shown
from multitask.tables.table_file import ENDINGS

FILE, PROBLEM = "file", "problem"


@dataclass(frozen=True)
class ImageList:
    """Images, or table rows with or without them, in the order of the table of predictions.

    Args:
        paths: path of each sample's image; None if it has none.
        problems: by index, the reason why a sample's image has no path.
        names: display name of each sample.
        given: the user's own columns to write beside the predictions, one row per sample.
        source: description of the samples, for messages.
        left_out: files in the folders whose extensions are not those of images.
        cells: for each input other than images, its source: by column, one cell per sample.
        noun: noun for several samples.
        name_column: column of the names in the table of embeddings.
        remarks: remarks for the user, in sentences.
    """

    paths: list[str | None]
    problems: dict[int, str]
    names: list[str]
    given: pa.Table
    source: str
    left_out: int = 0
    cells: Mapping[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    noun: str = "images"
    name_column: str = FILE
    remarks: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.paths)

    @property
    def stems(self) -> list[str]:
        """A unique file name stem for each sample, see `multitask.images.file_stems`."""
        return file_stems(self.names, [at not in self.problems for at in range(len(self))])


def listed_images(subjects: Sequence[str | Path], but: Path | None = None) -> ImageList:
    """Find images in folders and files.

    Args:
        subjects: folders, searched recursively for files with the extension of an image, in natural
            order; and files.
        but: a folder whose files are ignored.

    Raises:
        InputError: if a path does not exist, or there is no image.
    """
    names: list[str] = []
    paths: list[str] = []
    left_out = 0
    for subject in subjects:
        if os.path.isdir(subject):
            found, others = _in_folder(Path(subject), but)
            left_out += others
            paths += [os.path.join(subject, each) for each in found]
            prefix = "" if len(subjects) == 1 else str(subject)
            names += [os.path.join(prefix, each) for each in found]
        elif os.path.lexists(subject):
            paths.append(str(subject))
            names.append(str(subject))
        else:
            raise InputError(f"there is no file or folder {subject}")
    names = [os.fsencode(each).decode("utf-8", "backslashreplace") for each in names]
    given = pa.table({FILE: pa.array(names, pa.string())})
    source = ", ".join(map(str, subjects[:3])) + (", ..." if len(subjects) > 3 else "")
    return ImageList(list(paths), {}, names, given, source, left_out)


def _in_folder(folder: Path, but: Path | None) -> tuple[list[str], int]:
    found: list[str] = []
    others: list[str] = []
    for name in _files(folder, None if but is None else os.path.realpath(but)):
        (found if is_image_name(name) else others).append(name)
    if not found:
        tables = [each for each in natural(others) if each.lower().endswith(ENDINGS)]
        hint = f"; to predict for a table, give its file: {folder / tables[0]}" if tables else ""
        raise InputError(f"the folder {folder} has no images{hint}")
    return natural(found), len(others)


def _files(folder: Path, but: str | None) -> Iterator[str]:
    """Files in a folder and its subfolders, relative to it; links to folders are not followed."""
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [
            each
            for each in folders
            if is_shown(each) and os.path.realpath(os.path.join(parent, each)) != but
        ]
        yield from (
            os.path.relpath(os.path.join(parent, each), folder) for each in files if is_shown(each)
        )


def _refuse(error: OSError) -> None:
    raise InputError(f"the folder {error.filename} cannot be read ({error.strerror})") from error
