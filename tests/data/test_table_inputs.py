"""Texts, numbers and categories of a table are inputs, alone or beside images."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from photo_table import Rows

from multitask.data import Table
from multitask.data.faces import show_samples
from multitask.data.look import DataRemark
from multitask.errors import InputError
from multitask.tables.cleaning import Cleaning
from multitask.tokenizers import Bytes, HashedWords

HEADER = ["review", "answer", "age", "sex", "topic", "mood"]
ROWS = [
    ["Not good", "Why", "31", "f", "film", "0.5"],
    ["good", "", "", "m", "book", ""],
    ["", "", "?", "", "film", "1"],
    ["a long story of a film", "yes", "7", "m", "", "2"],
    ["fine", "no", "12", "f", "book", "3"],
    ["bad", "no", "5", "f", "book", "4"],
]
AGE = {"columns": ["age"]}
TEXT = {"text": {"column": "review"}}
NUMBERS = {"numbers": {"columns": ["age", "sex"], "categories": {"sex": ["f", "m"]}}}
TARGETS: dict[str, Any] = {
    "topic": {"columns": "topic", "classes": ["film", "book"]},
    "mood": "mood",
}
Make = Callable[..., Table]


@pytest.fixture
def reviews(tmp_path: Path) -> Make:
    def make(inputs: Any, rows: list[list[str]] = ROWS, **settings: Any) -> Table:
        with Path(tmp_path, "reviews.csv").open("w", newline="") as file:
            csv.writer(file).writerows([HEADER, *rows])
        given = {"image_column": None, "missing": ["?"], "batch_size": 2, **settings}
        data = Table(TARGETS, path=tmp_path / "reviews.csv", inputs=inputs, **given)
        data.setup()
        return data

    return make


def all_samples(data: Table) -> dict[str, dict[str, torch.Tensor]]:
    """Each sample by its name."""
    found = {}
    for split, samples in data.splits.items():
        batch = samples[torch.arange(len(samples))]
        for place, name in enumerate(data.names(split)):
            found[name] = {key: values[place] for key, values in batch.items()}
    return found


@pytest.mark.filterwarnings("ignore::multitask.data.look.DataRemark")
def test_texts_and_numbers_are_those_of_their_rows(reviews: Make) -> None:
    data = reviews(TEXT | NUMBERS)
    found = all_samples(data)
    assert sorted(found) == [f"row {number}" for number in range(2, 8)]
    tokens = HashedWords()([row[0] for row in ROWS])[0]
    expected = torch.tensor(
        [[31, 0], [torch.nan, 1], [torch.nan, torch.nan], [7, 1], [12, 0], [5, 0]]
    )
    for place, row in enumerate(ROWS):
        sample = found[f"row {place + 2}"]
        assert torch.equal(sample["text"], tokens[place])
        torch.testing.assert_close(sample["numbers"], expected[place], equal_nan=True)
        assert sample["topic"] == {"film": 0, "book": 1, "": -100}[row[4]]
    written = [text for split in data.splits for text in data.texts(split)["text"]]
    assert sorted(written) == sorted(row[0] for row in ROWS)
    assert data.image_format() is None


@pytest.mark.filterwarnings("ignore::multitask.data.look.DataRemark")
def test_a_batch_is_as_long_as_its_longest_text(reviews: Make) -> None:
    data = reviews(TEXT)
    for batch in data.train_dataloader():
        seen = data.on_after_batch_transfer(batch, 0)["text"]
        assert seen.shape[1] == int((batch["text"] >= 0).sum(1).max())


@pytest.mark.filterwarnings("ignore::multitask.data.look.DataRemark")
def test_two_columns_are_one_text(reviews: Make) -> None:
    data = reviews({"pair": {"column": ["review", "answer"], "tokenizer": Bytes(20)}})
    pair = Bytes(20)([("Not good", "Why")])[0][0]
    assert torch.equal(all_samples(data)["row 2"]["pair"], pair)
    assert "Not good | Why" in [text for split in data.splits for text in data.texts(split)["pair"]]


def test_samples_look_like_their_rows_and_a_text_in_two_splits_is_told(reviews: Make) -> None:
    with pytest.warns(DataRemark):
        data = reviews(TEXT | NUMBERS, [*ROWS, *ROWS])
    samples = data.splits["val"]
    (shown,) = show_samples(samples.inputs(torch.tensor([0])), data.faces())
    assert shown["text"] == data.texts("val")["text"][0]
    assert str(shown["numbers"]).startswith("age ")
    told = next(each for each in data.remarks if "several splits" in each)
    assert told.endswith("GroupedSplit and data.init_args.split.init_args.by=review")


def test_what_is_missing_or_cut_is_told_and_may_be_left_out(reviews: Make) -> None:
    with pytest.warns(DataRemark) as told:
        reviews({"text": {"column": "review", "tokenizer": HashedWords(4)}} | NUMBERS)
    said = " ".join(str(each.message) for each in told)
    assert "input 'text': 1 of 6 rows lack it" in said
    assert "input 'numbers': 1 of 6" in said
    assert "1 of 6 texts have more than 4 tokens" in said
    with pytest.warns(UserWarning, match="skipped, as configured: 1 row"):
        data = reviews(TEXT, cleaning=Cleaning(missing_input="skip"))
    assert "row 4" not in all_samples(data)
    with pytest.raises(InputError, match=r"row 4: column 'review': the input 'text' is missing"):
        reviews(TEXT, cleaning=Cleaning(missing_input="error"))


@pytest.mark.parametrize(
    ("place", "cell", "said", "kind"),
    [
        (2, "old", "the cell 'old' is not a number", "unreadable_input"),
        (3, "x", "'x' is not one of its categories", "unknown_category"),
    ],
)
def test_cells_that_cannot_be_used(
    reviews: Make, place: int, cell: str, said: str, kind: str
) -> None:
    rows = [list(row) for row in ROWS]
    rows[0][place] = cell
    with pytest.raises(InputError, match=f"row 2: column '{HEADER[place]}': {said}"):
        reviews(NUMBERS, rows)
    with pytest.warns(UserWarning, match=kind):
        data = reviews(NUMBERS, rows, cleaning=Cleaning(**{kind: "skip"}))
    assert all_samples(data)["row 2"]["numbers"][place - 2].isnan()


@pytest.mark.filterwarnings("ignore::multitask.data.look.DataRemark")
def test_texts_beside_images_of_which_one_may_be_missing(
    table: Callable[..., Table], rows: Rows
) -> None:
    for place, row in enumerate(rows):
        row["note"] = f"note {place}"
    rows[1] |= {"file_name": ""}
    # Several questions about one image.
    rows[2] |= {"file_name": rows[3]["file_name"]}
    inputs = {"note": {"column": "note"}}
    with pytest.raises(InputError, match="empty_file_name"):
        table(rows, inputs=inputs).setup()
    data = table(rows, inputs=inputs, cleaning=Cleaning(empty_file_name="keep"))
    data.setup()
    images, notes = [], []
    for split, samples in data.splits.items():
        batch = samples[torch.arange(len(samples))]
        images += list(batch["image"].float())
        notes += data.texts(split)["note"]
    assert sorted(notes) == sorted(row["note"] for row in rows)
    is_missing = {
        note: bool(image.isnan().all()) for note, image in zip(notes, images, strict=True)
    }
    assert [note for note, missing in is_missing.items() if missing] == ["note 1"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"inputs": {}}, "image_column is null and there are no inputs"),
        ({"inputs": {"text": {}}}, "give either column, for a text, or columns"),
        ({"inputs": {"image": TEXT["text"]}}, "this name is reserved"),
        ({"inputs": {"topic": TEXT["text"]}}, "'topic' is the name of an input and of a target"),
        ({"inputs": {"text": {"column": "topic"}}}, "is also the target 'topic'"),
        ({"inputs": {"text": {"colum": "a"}}}, "no setting 'colum'; did you mean 'column'"),
        ({"inputs": {"text": {"column": "reviw"}}}, "no column 'reviw'; did you mean 'review'"),
        (
            {"inputs": {"n": {"columns": ["age"], "tokenizer": Bytes(9)}}},
            "a tokenizer is for a text",
        ),
        (
            {"inputs": {"n": {"columns": ["age"], "categories": {"sex": [1, 2]}}}},
            "not listed in columns",
        ),
        ({"inputs": {"n": {"columns": ["age"], "categories": {"age": [1]}}}}, "list at least 2"),
        ({"inputs": {"n": {"columns": ["age"], "categories": {"age": ["", "1"]}}}}, "is empty"),
        ({"inputs": {"n": {"columns": ["age"], "categories": ["age"]}}}, "a list for each column"),
        ({"inputs": {"n": {"columns": "age"}}}, "columns is 'age'; give a list"),
        ({"inputs": {"text": {"column": 3}}}, "column is 3; give a list"),
        ({"inputs": {"text": {"column": ["review", "review"]}}}, "names 'review' more than once"),
        ({"inputs": {"text": {"column": "review", "missing": "no"}}}, "missing is 'no'; give a"),
        ({"inputs": {"": TEXT["text"]}}, "an input has no name"),
        ({"inputs": TEXT, "image_folder": Path("x")}, "image_folder is given, but image_column"),
    ],
)
def test_settings_that_contradict_each_other(
    reviews: Make, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        reviews(**settings)
