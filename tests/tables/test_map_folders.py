"""Folders of images beside folders of maps are a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from multitask.errors import InputError
from multitask.tables.table_file import read_table
from multitask.tables.table_sources import find_sources


def touched(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("images", "maps", "ending"),
    [
        ("images", "masks", ".png"),
        ("JPEGImages", "SegmentationClass", ".png"),
        ("rgb", "depth", ".npy"),
        ("images", "labels", "_mask.gif"),
    ],
)
def test_files_of_equal_names_belong_together(
    tmp_path: Path, images: str, maps: str, ending: str
) -> None:
    touched(tmp_path / images, ["b.jpg", "a.jpg", "deep/a.jpg", "alone.jpg", ".hidden.jpg"])
    touched(tmp_path / maps, [f"a{ending}", f"b{ending}", f"deep/a{ending}", "readme.txt"])
    (source,) = find_sources(tmp_path, {}, None)
    assert (source.table, source.folder) == (tmp_path, tmp_path)
    table = read_table(tmp_path)
    assert table["file_name"].tolist() == [f"{images}/{each}.jpg" for each in ("a", "b", "deep/a")]
    assert table[maps].tolist() == [f"{maps}/{each}{ending}" for each in ("a", "b", "deep/a")]


def test_several_kinds_of_maps_are_several_columns(tmp_path: Path) -> None:
    touched(tmp_path / "images", ["a.jpg", "b.jpg", "c.jpg"])
    touched(tmp_path / "masks", ["a.png", "b.png"])
    touched(tmp_path / "depth", ["b.tif", "c.tif"])
    table = read_table(tmp_path)
    assert list(table) == ["file_name", "depth", "masks"]
    assert table["masks"].tolist() == ["masks/a.png", "masks/b.png", None]
    assert table["depth"].tolist() == [None, "depth/b.tif", "depth/c.tif"]


def test_folders_of_splits_may_each_have_maps(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        touched(tmp_path / split, ["images/a.png", "masks/a.png", "images/b.png", "masks/b.png"])
    sources = find_sources(tmp_path, {}, None)
    assert [each.split for each in sources] == ["train", "val", "test"]
    assert read_table(sources[0].table)["masks"].tolist() == ["masks/a.png", "masks/b.png"]


def test_folders_whose_files_have_other_names_are_classes(tmp_path: Path) -> None:
    touched(tmp_path / "images", ["a.png", "b.png"])
    touched(tmp_path / "masks", ["c.png", "d.png"])
    assert read_table(tmp_path)["label"].tolist() == ["images"] * 2 + ["masks"] * 2


def test_a_folder_of_neither_is_refused(tmp_path: Path) -> None:
    touched(tmp_path / "images", ["a.png"])
    with pytest.raises(InputError, match="or of images and masks"):
        find_sources(tmp_path, {}, None)
