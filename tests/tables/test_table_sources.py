"""Which tables a path stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from multitask.errors import InputError
from multitask.tables.table_sources import find_sources

NONE = {"train": None, "val": None, "test": None}


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_file_and_a_folder_with_one(tmp_path: Path) -> None:
    touch(tmp_path / "metadata.jsonl")
    for path in (tmp_path, tmp_path / "metadata.jsonl"):
        (source,) = find_sources(path, NONE, None)
        assert source.table == tmp_path / "metadata.jsonl"
        assert source.folder == source.root == tmp_path
        assert (source.split, source.prefix) == (None, "")
    (tmp_path / "images").mkdir()
    (source,) = find_sources(tmp_path, NONE, tmp_path / "images")
    assert source.folder == source.root == tmp_path / "images"


@pytest.mark.parametrize("validation", ["validation", "val", "valid", "dev"])
def test_folders_of_splits(tmp_path: Path, validation: str) -> None:
    for name in ("test", "train", validation):
        touch(tmp_path / name / "metadata.csv")
    sources = find_sources(tmp_path, NONE, None)
    assert [source.split for source in sources] == ["train", "val", "test"]
    assert sources[1].folder == tmp_path / validation
    assert sources[1].prefix == f"{validation}/"
    assert sources[1].root == tmp_path


def test_a_table_for_each_split(tmp_path: Path) -> None:
    touch(tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c/metadata.parquet")
    files = {"train": tmp_path / "a.csv", "val": tmp_path / "b.csv", "test": tmp_path / "c"}
    sources = find_sources(None, files, None)
    assert [source.split for source in sources] == ["train", "val", "test"]
    assert sources[2].table == tmp_path / "c/metadata.parquet"


def test_what_cannot_be_found_is_told(tmp_path: Path) -> None:
    def refusal(path: Path | None, image_folder: Path | None = None, **files: Path) -> str:
        with pytest.raises(InputError) as refused:
            find_sources(path, NONE | files, image_folder)
        return str(refused.value)

    assert "neither path nor" in refusal(None)
    assert "both path and" in refusal(tmp_path, train=tmp_path)
    assert f"{tmp_path} has no metadata.csv, metadata.jsonl or metadata.parquet" in refusal(
        tmp_path
    )
    assert "no table for the split 'val', only for train" in refusal(None, train=tmp_path)
    touch(tmp_path / "train/metadata.csv", tmp_path / "test/metadata.csv")
    assert "no table for the split 'val', only for train and test" in refusal(tmp_path)
    (tmp_path / "val").mkdir()
    (tmp_path / "dev").mkdir()
    assert "the folders dev and val, which are both for validation" in refusal(tmp_path)
    touch(tmp_path / "metadata.csv", tmp_path / "metadata.jsonl")
    assert "has metadata.csv and metadata.jsonl" in refusal(tmp_path)
    said = refusal(tmp_path / "metadata.csv", image_folder=tmp_path / "metadata.csv")
    assert "image_folder is" in said
