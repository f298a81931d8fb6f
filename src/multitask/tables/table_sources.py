"""Which tables there are, and where their images lie: the conventions for folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from multitask.errors import InputError

SPLITS = ("train", "val", "test")
"""Names of folders, and of tables' files, that say of which split they are."""

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
SPLIT_FOLDERS = {"train": "train", "validation": "val", "test": "test"}
ALSO_VALIDATION = ("val", "valid", "dev")


@dataclass(frozen=True)
class Source:
    """One table and where its images lie.

    Args:
        table: its file.
        folder: what file names are relative to.
        root: no image may lie outside of it.
        split: the split that all its rows belong to; None where they are still to be divided.
        prefix: put before file names, so that those of several folders stay apart.
    """

    table: Path
    folder: Path
    root: Path
    split: str | None = None
    prefix: str = ""


def tables(sources: Sequence[Source]) -> str:
    """The tables' files, as a person reads them."""
    return ", ".join(str(each.table) for each in sources)


def find_sources(
    path: str | Path | None, files: Mapping[str, str | Path | None], image_folder: str | Path | None
) -> list[Source]:
    """Find the tables.

    Args:
        path: a table; or a folder with ``metadata.csv``, ``.jsonl`` or ``.parquet``, or with one
            of them in each of its folders ``train``, ``validation`` and ``test``.
        files: instead of ``path``, a table or a folder with one, by split.
        image_folder: what file names are relative to; each table's folder where not given.

    Raises:
        InputError: if neither or both are given, or a table is missing.
    """
    given = {split: Path(each) for split, each in files.items() if each is not None}
    if (path is None) == (not given):
        both = "both path and" if given else "neither path nor"
        raise InputError(
            f"{both} tables for train, val and test are given; give path, or train, val and test"
        )
    folder = None if image_folder is None else Path(image_folder)
    if folder is not None and not folder.is_dir():
        raise InputError(f"image_folder is {folder}, which is no folder that is there")
    if given:
        _refuse_missing(given, "give it")
        return [_source(_table(each), folder, split) for split, each in given.items()]
    path = Path(path or "")
    if path.is_dir() and _metadata(path) is None and (folders := _split_folders(path)):
        _refuse_missing(folders, f"add its folder to {path}, or give train, val and test")
        return [
            Source(_table(each), folder or each, folder or path, split, f"{each.name}/")
            for split, each in folders.items()
        ]
    return [_source(_table(path), folder, None)]


def _source(table: Path, folder: Path | None, split: str | None) -> Source:
    return Source(table, folder or table.parent, folder or table.parent, split)


def _refuse_missing(given: Mapping[str, Path], advice: str) -> None:
    if missing := [split for split in SPLITS if split not in given]:
        raise InputError(
            f"there is no table for the split '{missing[0]}', only for {', '.join(given)}; "
            f"{advice}, or one table that data.init_args.split divides"
        )


def _split_folders(path: Path) -> dict[str, Path]:
    names = {**SPLIT_FOLDERS, **dict.fromkeys(ALSO_VALIDATION, "val")}
    found: dict[str, Path] = {}
    for name, split in names.items():
        if (folder := path / name).is_dir():
            if split in found:
                raise InputError(
                    f"{path} has the folders {found[split].name} and {name}, which are both for "
                    "validation; keep one"
                )
            found[split] = folder
    return {split: found[split] for split in SPLITS if split in found}


def _table(path: Path) -> Path:
    if not path.is_dir():
        return path
    if (table := _metadata(path)) is None:
        raise InputError(
            f"the folder {path} has no {', '.join(METADATA[:-1])} or {METADATA[-1]}; give the "
            "table's file, or name it so"
        )
    return table


def _metadata(folder: Path) -> Path | None:
    found = [folder / name for name in METADATA if (folder / name).is_file()]
    if len(found) > 1:
        raise InputError(
            f"the folder {folder} has {found[0].name} and {found[1].name}; give the file to use"
        )
    return found[0] if found else None
