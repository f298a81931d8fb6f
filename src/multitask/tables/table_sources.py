"""Finding tables and their image folders by the conventions for folders."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.tables.class_folders import class_folders
from multitask.tables.map_folders import map_folders
from multitask.tables.split_words import split_of
from multitask.tables.table_file import ENDINGS

SPLITS = ("train", "val", "test")
"""Names of folders and table files that specify a split."""

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


@dataclass(frozen=True)
class Source:
    """One table and the location of its images.

    Args:
        table: its file, or a folder with subfolders of classes, or of images and maps.
        folder: folder that file names are relative to.
        root: folder that must contain all images.
        split: the split of all its rows; None if they are yet to be divided.
        prefix: prefix of file names, which distinguishes those of several folders.
    """

    table: Path
    folder: Path
    root: Path
    split: str | None = None
    prefix: str = ""


def tables(sources: Sequence[Source]) -> str:
    """Return the tables' files, for display."""
    return ", ".join(str(each.table) for each in sources)


def find_sources(
    path: str | Path | None,
    files: Mapping[str, str | Path | None],
    image_folder: str | Path | None,
    may_lack: Collection[str] = (),
) -> list[Source]:
    """Find the tables.

    Args:
        path: a table; or a folder with ``metadata.csv``, ``.jsonl`` or ``.parquet``, or with
            subfolders of classes, or with one of these in each of its subfolders ``train``,
            ``validation`` and ``test``.
        files: instead of ``path``, a table or a folder with a table, by split.
        image_folder: folder that file names are relative to; default: the folder of each table.
        may_lack: splits that need no table.

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
        raise InputError(f"image_folder is {folder}, which does not exist")
    if given:
        _refuse_missing(given, "give it", may_lack)
        return [_source(_table(each), folder, split) for split, each in given.items()]
    path = Path(path or "")
    if path.is_dir() and _metadata(path) is None and (folders := _split_folders(path)):
        what = f"add its folder to {path}, or give train, val and test"
        _refuse_missing(folders, what, may_lack)
        return [
            Source(_table(each), folder or each, folder or path, split, f"{each.name}/")
            for split, each in folders.items()
        ]
    if path.is_dir() and _metadata(path) is None and (shards := _shards(path)):
        _refuse_missing(shards, "give train, val and test", may_lack)
        return [_source(each, folder, split) for split in shards for each in shards[split]]
    return [_source(_table(path), folder, None)]


def _source(table: Path, folder: Path | None, split: str | None) -> Source:
    own = folder or (table if table.is_dir() else table.parent)
    return Source(table, own, own, split)


def _refuse_missing(given: Collection[str], advice: str, may_lack: Collection[str]) -> None:
    if missing := [split for split in SPLITS if split not in given and split not in may_lack]:
        split = missing[0]
        without = (
            ""
            if split == "train"
            else f", do without it with data.init_args.without=[{split}], or take a share of the "
            "training rows with data.init_args.split=multitask.data.splits.RandomSplit"
        )
        raise InputError(
            f"there is no table for the split '{split}', only for {listed(given)}; {advice}, or "
            f"one table that data.init_args.split divides{without}"
        )


def _split_folders(path: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in sorted(each for each in path.iterdir() if each.is_dir()):
        if (split := split_of(folder.name)) is not None:
            if split in found:
                raise InputError(
                    f"{path} has the folders {found[split].name} and {folder.name}, which are both "
                    f"for {'validation' if split == 'val' else split}; keep one"
                )
            found[split] = folder
    # A class may have this name.
    is_one_of_many = len(class_folders(path)) > len(found)
    return {} if is_one_of_many else {split: found[split] for split in SPLITS if split in found}


def _shards(path: Path) -> dict[str, list[Path]]:
    """Find files such as ``data/train-00000-of-00002.parquet``, as on the Hugging Face hub."""
    found: dict[str, list[Path]] = {}
    for folder in (path, path / "data"):
        for file in sorted(folder.glob("*.parquet")):
            match = re.fullmatch(r"(.+?)(-\d+-of-\d+)?", file.stem)
            split = split_of(match.group(1)) if match else None
            if split is not None:
                found.setdefault(split, []).append(file)
    return {split: found[split] for split in SPLITS if split in found}


def _table(path: Path) -> Path:
    if not path.is_dir():
        return path
    if (table := _metadata(path)) is not None:
        return table
    others = sorted(each.name for each in path.iterdir() if each.suffix.lower() in ENDINGS)
    if not others and (map_folders(path) or class_folders(path)):
        return path
    hint = f"; did you mean {path / others[0]}?" if others else ""
    raise InputError(
        f"the folder {path} has no {listed(METADATA, word='or')}, and no folders of "
        "images by class, or of images and masks; give the table's file, or rename it "
        f"accordingly{hint}"
    )


def _metadata(folder: Path) -> Path | None:
    found = [folder / name for name in METADATA if (folder / name).is_file()]
    if len(found) > 1:
        raise InputError(
            f"the folder {folder} has {found[0].name} and {found[1].name}; give the file to use"
        )
    return found[0] if found else None
