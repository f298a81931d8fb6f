"""A table and a folder of images are a data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from photo_table import NAMES, Rows, draw, plain_rows, write_rows
from PIL import Image

from multitask.data import Table
from multitask.data.split_check import SPLITS
from multitask.data.splits import ByColumn, GroupedSplit, RandomSplit
from multitask.errors import InputError
from multitask.geometry import Positions, Unchanged
from multitask.tables.cleaning import Cleaning
from multitask.tables.target_columns import TargetColumns

MakeTable = Callable[..., Table]
SPECIES = {"cat": 0, "dog": 1, None: -100}


def check_samples(data: Table, rows: Rows, brightness: Callable[[str], int]) -> None:
    """Each sample has the image and the targets of its row."""
    expected = {row["file_name"]: row for row in rows}
    seen = []
    for split in SPLITS:
        samples = data.splits[split][torch.arange(len(data.splits[split]))]
        for place, name in enumerate(data.names(split)):
            row = expected[name]
            assert (samples["image"][place] == brightness(name)).all()
            assert samples["species"][place] == SPECIES[row["species"]]
            weight = torch.tensor(float("nan") if row["weight"] is None else float(row["weight"]))
            torch.testing.assert_close(samples["weight"][place], weight, equal_nan=True)
            seen.append(name)
    assert sorted(seen) == sorted(expected)


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "metadata.parquet", "any.csv"])
def test_samples_have_the_images_and_targets_of_their_rows(
    table: MakeTable, rows: Rows, name: str
) -> None:
    data = table(rows, name)
    data.setup()
    check_samples(data, rows, lambda file: 20 * int(file[0]))
    assert [len(data.names(split)) for split in SPLITS] == [6, 2, 2]
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (2, 3, 2, 2)


def test_a_folder_stands_for_its_metadata(table: MakeTable, rows: Rows, photos: Path) -> None:
    data = table(rows, path=photos)
    data.setup()
    check_samples(data, rows, lambda file: 20 * int(file[0]))


def test_folders_of_splits_keep_their_files_apart(
    table: MakeTable, rows: Rows, tmp_path: Path
) -> None:
    folders = {"train": 10, "validation": 20, "test": 30}
    expected: Rows = []
    for folder, brightness in folders.items():
        names = ["0.png", "1.png", "2.png"]
        for name in names:
            draw(tmp_path / "set" / folder / name, brightness)
        these = plain_rows(names)
        write_rows(tmp_path / "set" / folder / "metadata.csv", these)
        expected += [{**row, "file_name": f"{folder}/{row['file_name']}"} for row in these]
    data = table(rows, path=tmp_path / "set")
    data.setup()
    check_samples(data, expected, lambda file: folders[file.split("/")[0]])
    assert data.names("val") == ["validation/0.png", "validation/1.png", "validation/2.png"]
    found = data.records()["splits.csv"]
    assert found["split"].tolist() == 3 * ["train"] + 3 * ["val"] + 3 * ["test"]
    assert found["row"].tolist() == 3 * [2, 3, 4]


def test_a_table_for_each_split(table: MakeTable, rows: Rows, photos: Path) -> None:
    parts = {"train": rows[:5], "val": rows[5:7], "test": rows[7:]}
    for split, these in parts.items():
        write_rows(photos / f"{split}.csv", these)
    data = table(rows, path=None, **{split: photos / f"{split}.csv" for split in parts})
    data.setup()
    for split, these in parts.items():
        assert data.names(split) == [row["file_name"] for row in these]
    check_samples(data, rows, lambda file: 20 * int(file[0]))
    with pytest.raises(InputError, match="split is given, but each split already has a table"):
        table(rows, path=None, train=photos, val=photos, test=photos, split=ByColumn())


def test_a_split_without_a_table_is_taken_from_the_training_rows(
    table: MakeTable, rows: Rows, photos: Path
) -> None:
    write_rows(photos / "some.csv", rows[:7])
    write_rows(photos / "others.csv", rows[7:])
    tables = {"train": photos / "some.csv", "test": photos / "others.csv"}
    data = table(rows, path=None, **tables, split=RandomSplit(val=0.3, test=0))
    data.setup()
    assert data.names("test") == [row["file_name"] for row in rows[7:]]
    assert [len(data.names(split)) for split in SPLITS] == [5, 2, 3]
    check_samples(data, rows, lambda file: 20 * int(file[0]))
    with pytest.raises(InputError, match=r"selects test rows from the training table.*test=0"):
        table(rows, path=None, **tables, split=RandomSplit(val=0.3, test=0.3)).setup()


def test_a_column_split_divides_where_there_is_one(table: MakeTable, rows: Rows) -> None:
    for place, row in enumerate(rows):
        row["split"] = ("train", "dev", "test")[place % 3]
    assert table(rows).names("val") == ["1.png", "4.png", "7.png"]
    for row in rows:
        row["group"] = row["split"]
        row["split"] = "train"
    data = table(rows, split=GroupedSplit("group", val=0.3, test=0.3))
    assert sorted(len(data.names(split)) for split in SPLITS) == [3, 3, 4]
    rows[4]["split"] = "tran"
    with pytest.raises(
        InputError, match="metadata.csv: row 6, column 'split': 'tran' is not a split"
    ):
        table(rows).setup()


def test_splits_are_recorded_in_the_tables_order(table: MakeTable, rows: Rows) -> None:
    data = table(rows)
    found = data.records()["splits.csv"]
    assert list(found.columns) == ["file", "row", "split"]
    assert found["file"].tolist() == NAMES
    assert found["row"].tolist() == list(range(2, 12))
    for split in SPLITS:
        assert found["file"][found["split"] == split].tolist() == data.names(split)


def test_the_seed_decides(table: MakeTable, rows: Rows) -> None:
    assert table(rows).names("train") == table(rows).names("train")
    assert table(rows, seed=1).names("train") != table(rows).names("train")


def test_any_columns_and_folder_can_be_named(photos: Path, tmp_path: Path) -> None:
    rows = [{"image": name, "x": 1, "y": place} for place, name in enumerate(NAMES)]
    write_rows(tmp_path / "labels.csv", rows, ";")
    data = Table(
        {"corner": TargetColumns(["x", "y"])},
        path=tmp_path / "labels.csv",
        image_column="image",
        image_folder=photos,
        image_size=[2, 3],
        channels=1,
        separator=";",
        missing=["0"],
        seed=0,
    )
    data.setup()
    (first,) = (each for each in SPLITS if "0.png" in data.names(each))
    corner = data.targets(first)["corner"][data.names(first).index("0.png")]
    torch.testing.assert_close(corner, torch.tensor([1.0, float("nan")]), equal_nan=True)
    assert data.splits["train"].images(torch.tensor([0])).shape == (1, 1, 2, 3)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"image_column": "filename"}, "no column 'filename'; did you mean 'file_name'?"),
        ({"targets": {"a": TargetColumns("wieght")}}, "no column 'wieght'; did you mean 'weight'?"),
        ({"targets": {}}, "targets is empty"),
        ({"image_size": [2, 2, 3]}, "image_size is [2, 2, 3]"),
        ({"image_size": 0}, "image_size is 0"),
        ({"targets": {"a": TargetColumns("species")}}, "row 2 (0.png): column 'species': "),
        ({"targets": {"a": TargetColumns("species")}}, "'cat' is not a number (and 8 more"),
        ({"missing": ["dog"]}, "'dog' is listed in both classes and missing"),
    ],
)
def test_settings_that_do_not_fit_the_table_are_told(
    table: MakeTable, rows: Rows, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(InputError) as refused:
        table(rows, **options).setup()
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    ("cell", "where"),
    [
        ("", "row 4: column 'file_name': "),
        (None, "row 4: column 'file_name': "),
        (["a.png"], "row 4, column 'file_name': "),
        (3.5, "row 4, column 'file_name': "),
    ],
)
def test_a_row_needs_the_name_of_a_file(
    table: MakeTable, rows: Rows, cell: Any, where: str
) -> None:
    rows[3]["file_name"] = cell
    with pytest.raises(InputError, match=f"metadata.jsonl, {where}"):
        table(rows, "metadata.jsonl").setup()
    if not cell:
        data = table(rows, "metadata.jsonl", cleaning=Cleaning(empty_file_name="skip"))
        data.setup()
        assert len(data.records()["splits.csv"]) == 9
        assert data.records()["skipped.csv"]["kind"].tolist() == ["empty_file_name"]


def test_targets_follow_their_image_when_it_is_resized(
    photos: Path, table: MakeTable, rows: Rows
) -> None:
    for place, row in enumerate(rows):
        Image.new("RGB", (10 + place, 20)).save(photos / row["file_name"])
        row |= {"x": 5 + place / 2, "y": 15, "size": 15}
    del rows[3]["y"]
    corner = TargetColumns(["x", "y"], follows=Positions())
    targets = {"corner": corner, "size": TargetColumns("size")}
    data = table(rows, targets=targets, image_size=[4, 6])
    data.setup()
    found = {
        name: each
        for split in SPLITS
        for name, each in zip(data.names(split), data.targets(split)["corner"], strict=True)
    }
    expected = torch.tensor([3.0, 3.0])
    assert all(torch.allclose(each, expected) for name, each in found.items() if name != "3.png")
    assert all((data.targets(split)["size"] == 15).all() for split in SPLITS)
    assert data.geometry == {"corner": corner.follows}
    # What the data module is given comes before what the columns say.
    data = table(rows, targets=targets, image_size=[4, 6], geometry={"corner": Unchanged()})
    assert data.targets("train")["corner"][0, 1] == 15
    targets = {"corner": TargetColumns("x", follows=Positions())}
    with pytest.raises(InputError, match="targets, 'corner': Positions are pairs"):
        table(rows, targets=targets).setup()


def test_the_classes_names_are_known(table: MakeTable, rows: Rows) -> None:
    assert table(rows).class_names() == {"species": ["cat", "dog"]}
