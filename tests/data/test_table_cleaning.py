"""What cannot be used ends the program with its row, or is left out and listed, as told."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from photo_table import Rows, write_rows

from multitask.data import Table
from multitask.data.look import DataRemark
from multitask.data.split_check import SPLITS
from multitask.errors import InputError
from multitask.tables.cleaning import COLUMNS, Cleaning

MakeTable = Callable[..., Table]
Spoil = Callable[[Path, Rows], None]
PLACE, ROW = 4, 6
NAME = "4.png"
BAD_PLACES = (PLACE, 7)


def no_image(folder: Path, rows: Rows) -> None:
    (folder / NAME).write_text("no image")
    (folder / "7.png").write_bytes((folder / "7.png").read_bytes()[:50])


def missing(folder: Path, rows: Rows) -> None:
    (folder / NAME).unlink()
    (folder / "7.png").unlink()


def outside(folder: Path, rows: Rows) -> None:
    for place in BAD_PLACES:
        (folder / f"{place}.png").rename(folder.parent / f"{place}.png")
        rows[place]["file_name"] = f"../{place}.png"


def link(folder: Path, rows: Rows) -> None:
    for place in BAD_PLACES:
        (folder / f"{place}.png").rename(folder.parent / f"{place}.png")
        (folder / f"{place}.png").symlink_to(folder.parent / f"{place}.png")


def duplicate(folder: Path, rows: Rows) -> None:
    rows[PLACE]["file_name"] = "./0.png"
    rows[7]["file_name"] = "0.png"


ROWS: dict[str, tuple[Spoil, str, str]] = {
    "unreadable_image": (no_image, NAME, ""),
    "missing_file": (missing, NAME, "there is no file"),
    "outside_root": (outside, f"../{NAME}", "leads outside"),
    "symbolic_link": (link, NAME, "a symbolic link leads outside"),
    "duplicate_row": (duplicate, "./0.png", "the file is also in row 2"),
}


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_that_cannot_be_used_ends_the_program(
    table: MakeTable, rows: Rows, photos: Path, kind: str
) -> None:
    spoil, name, reason = ROWS[kind]
    spoil(photos, rows)
    with pytest.raises(InputError) as refused:
        table(rows).setup()
    said = str(refused.value)
    assert said.startswith(f"{photos / 'metadata.csv'}, row {ROW} ({name}): ")
    assert reason in said
    assert "(and 1 more of this kind)" in said
    policy = f"data.init_args.cleaning.{kind}"
    assert f"skip such rows with {policy}=skip" in said
    assert (f"or keep them with {policy}=keep" in said) == (
        kind in ("symbolic_link", "duplicate_row")
    )


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_is_left_out_and_listed_as_told(
    table: MakeTable, rows: Rows, photos: Path, kind: str
) -> None:
    spoil, name, reason = ROWS[kind]
    spoil(photos, rows)
    data = table(rows, cleaning=Cleaning(**{kind: "skip"}))
    with pytest.warns(UserWarning, match=rf"skipped, as configured: 2 rows \({kind}: 2\)"):
        data.setup()
    kept = [f"{place}.png" for place in range(10) if place not in BAD_PLACES]
    assert sorted(file for split in SPLITS for file in data.names(split)) == kept
    assert data.records()["splits.csv"]["file"].tolist() == kept
    # The shares are those of the rows that are left.
    assert [len(data.names(split)) for split in SPLITS] == [6, 1, 1]
    for split in SPLITS:
        samples = data.splits[split][torch.arange(len(data.splits[split]))]
        for image, weight, file in zip(
            samples["image"], samples["weight"], data.names(split), strict=True
        ):
            assert (image == 20 * int(file[0])).all()
            assert file == "0.png" or weight == int(file[0])
    listed = data.records()["skipped.csv"]
    assert list(listed.columns) == COLUMNS
    assert listed["row"].tolist() == [ROW, 9]
    assert listed["file"].tolist()[0] == name
    assert set(listed["kind"]) == {kind}
    assert all(reason in each for each in listed["reason"])
    assert data.findings.equals(listed)


def test_a_huge_image(table: MakeTable, rows: Rows) -> None:
    with pytest.raises(InputError, match=r"row 2 \(0.png\): .*9 more.*huge_image=skip"):
        table(rows, most_pixels=3).setup()
    reason = r"no row is left; .*\(huge_image: 10\), such as .*, row 2 \(0.png\): 2 x 2 pixels"
    with pytest.raises(InputError, match=reason):
        table(rows, most_pixels=3, cleaning=Cleaning(huge_image="skip")).setup()


@pytest.mark.parametrize("kind", ["symbolic_link", "duplicate_row"])
def test_a_row_is_kept_as_told(table: MakeTable, rows: Rows, photos: Path, kind: str) -> None:
    spoil, name, _ = ROWS[kind]
    spoil(photos, rows)
    data = table(rows, cleaning=Cleaning(**{kind: "keep"}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Of a file that two rows have, people are told where it is in two splits.
        warnings.simplefilter("ignore", DataRemark)
        data.setup()
    assert len(data.records()["splits.csv"]) == 10
    assert name in data.records()["splits.csv"]["file"].tolist()
    assert len(data.records()["skipped.csv"]) == 0
    assert data.findings["row"].tolist() == [ROW, 9]


CELLS: dict[str, tuple[str, Any, str]] = {
    "unknown_class": ("species", "dgo", "the class 'dgo' is not listed in classes"),
    "unreadable_target": ("weight", "three", "the cell 'three' is not a number"),
    "infinite_target": ("weight", "inf", "inf is infinite"),
}


@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_that_cannot_be_used_ends_the_program(
    table: MakeTable, rows: Rows, photos: Path, kind: str
) -> None:
    column, cell, reason = CELLS[kind]
    for place in BAD_PLACES:
        rows[place][column] = cell
    with pytest.raises(InputError) as refused:
        table(rows).setup()
    said = str(refused.value)
    where = f"{photos / 'metadata.csv'}, row {ROW} ({NAME}): column '{column}': "
    assert said.startswith(f"{where}{reason} (and 1 more of this kind)")
    assert f"treat such cells as missing with data.init_args.cleaning.{kind}=skip" in said
    assert kind != "unknown_class" or said.endswith("; did you mean 'dog'?")
    assert kind != "unreadable_target" or "list it in data.init_args.missing" in said


def test_a_number_with_a_unit_is_told_what_to_write(table: MakeTable, rows: Rows) -> None:
    rows[BAD_PLACES[0]]["weight"] = "3 kg"
    with pytest.raises(InputError, match="'3 kg' is not a number.*a unit: write only the number"):
        table(rows).setup()


@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_is_missing_and_listed_as_told(table: MakeTable, rows: Rows, kind: str) -> None:
    column, cell, reason = CELLS[kind]
    for place in BAD_PLACES:
        rows[place][column] = cell
    data = table(rows, cleaning=Cleaning(**{kind: "skip"}))
    with pytest.warns(UserWarning, match=rf"skipped, as configured: 2 cells \({kind}: 2\)"):
        data.setup()
    assert len(data.records()["splits.csv"]) == 10
    (split,) = (each for each in SPLITS if NAME in data.names(each))
    target = data.targets(split)[column][data.names(split).index(NAME)]
    assert target == -100 if kind == "unknown_class" else target.isnan()
    listed = data.records()["skipped.csv"]
    assert listed[["row", "file", "kind", "column", "reason"]].values.tolist() == [
        [row, f"{row - 2}.png", kind, column, reason] for row in (ROW, 9)
    ]


def test_a_file_that_may_be_meant_is_listed(table: MakeTable, rows: Rows) -> None:
    rows[PLACE]["file_name"] = "4.PNG"
    data = table(rows, cleaning=Cleaning(missing_file="skip"))
    with pytest.warns(UserWarning, match="1 row"):
        data.setup()
    assert data.findings["reason"][0].endswith("; did you mean '4.png'?")


@pytest.mark.parametrize("split", SPLITS)
def test_unknown_classes_matter_in_every_split(
    table: MakeTable, rows: Rows, photos: Path, split: str
) -> None:
    parts = {"train": rows[:5], "val": rows[5:7], "test": rows[7:]}
    parts[split][0]["species"] = "cow"
    for each, these in parts.items():
        write_rows(photos / f"{each}.csv", these)
    data = table(rows, path=None, **{each: photos / f"{each}.csv" for each in parts})
    with pytest.raises(InputError, match=rf"{split}.csv, row 2 .*'cow' is not listed in classes"):
        data.setup()


def test_rows_stay_in_their_table_where_others_are_left_out(
    table: MakeTable, rows: Rows, photos: Path
) -> None:
    parts = {"train": rows[:5], "val": rows[5:7], "test": rows[7:]}
    for split, these in parts.items():
        write_rows(photos / f"{split}.csv", these)
    for gone in ("0.png", "8.png"):
        (photos / gone).unlink()
    paths = {split: photos / f"{split}.csv" for split in parts}
    data = table(rows, path=None, cleaning=Cleaning(missing_file="skip"), **paths)
    with pytest.warns(UserWarning, match="2 rows"):
        data.setup()
    assert data.names("train") == ["1.png", "2.png", "3.png", "4.png"]
    assert data.names("val") == ["5.png", "6.png"]
    assert data.names("test") == ["7.png", "9.png"]
    assert data.findings["table"].tolist() == [str(paths["train"]), str(paths["test"])]
    assert data.findings["row"].tolist() == [2, 3]


def test_the_same_image_in_two_tables_is_told(table: MakeTable, rows: Rows, photos: Path) -> None:
    parts = {"train": rows[:5], "val": rows[5:7], "test": [*rows[7:], rows[1]]}
    for split, these in parts.items():
        write_rows(photos / f"{split}.csv", these)
    data = table(rows, path=None, **{split: photos / f"{split}.csv" for split in parts})
    expected = r"test.csv, row 5 \(1.png\): the file is also in row 3 of .*train.csv"
    with pytest.raises(InputError, match=expected):
        data.setup()


def test_what_is_wrong_with_a_row_that_is_left_out_does_not_matter(
    table: MakeTable, rows: Rows, photos: Path
) -> None:
    (photos / NAME).unlink()
    rows[PLACE] |= {"species": "cow", "weight": "heavy"}
    data = table(rows, cleaning=Cleaning(missing_file="skip"))
    with pytest.warns(UserWarning, match="1 row "):
        data.setup()
    assert len(data.findings) == 1
