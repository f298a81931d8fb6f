"""Which columns of a table are inputs, and which are targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from multitask.errors import InputError
from multitask.inspection.table_contents import TableContents, read_contents
from multitask.inspection.table_inputs import Wanted
from multitask.inspection.training_plan import training_plan
from multitask.tokenizers import Bytes, HashedWords

ROWS = 40
Cells = Sequence[Any]
Read = Callable[..., TableContents]


def cycle(*choices: Any) -> list[Any]:
    return [choices[row % len(choices)] for row in range(ROWS)]


NUMBERS = [f"{row * 7 % ROWS}.25" for row in range(ROWS)]
OTHERS = [f"{row * 11 % ROWS}.5" for row in range(ROWS)]
PROSE = [f"this is the text of row {row}, and it is long" for row in range(ROWS)]
SHORT = [f"text {row}" for row in range(ROWS)]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a table and read it."""

    def make(
        columns: dict[str, Cells],
        targets: Cells | None = None,
        inputs: Cells | None = None,
        images: bool = False,
    ) -> TableContents:
        if images:
            for row in range(ROWS):
                Image.new("L", (8, 8)).save(tmp_path / f"{row}.png")
            columns = {"file_name": [f"{row}.png" for row in range(ROWS)], **columns}
        pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
        return read_contents(tmp_path / "t.csv", wanted=Wanted(targets, inputs))

    return make


def chosen(found: TableContents) -> tuple[list[str], list[str], list[str]]:
    """Columns of texts, columns of numbers, and tasks."""
    parts = (found.choice.text, found.choice.numbers)
    text, numbers = ([c.name for c in each.columns] if each else [] for each in parts)
    return text, numbers, [each.task for each in found.targets]


def test_free_text_is_read_and_labels_are_learnt(read: Read) -> None:
    found = read({"review": PROSE, "topic": cycle("a", "b"), "mood": NUMBERS, "id": range(ROWS)})
    assert chosen(found) == (["review"], [], ["topic", "mood"])
    assert found.image is None
    assert not found.choice.is_guess
    text = found.choice.text
    assert text is not None
    assert text.tokens == (12, 12)
    assert isinstance(text.tokenizer, HashedWords)
    assert text.tokenizer.length == 16
    told = " ".join(found.told())
    assert "Inputs: text (column review). Targets: topic and mood." in told


def test_two_texts_are_one_input_and_names_are_none(read: Read) -> None:
    columns = {
        "title": [f"a title of four words {row}" for row in range(ROWS)],
        "body": PROSE,
        "author": [f"someone of the name of {row}" for row in range(ROWS)],
        "mood": NUMBERS,
    }
    found = read(columns)
    assert chosen(found) == (["title", "body"], [], ["mood"])
    assert found.left_out["author"] == "it is free text"


def test_a_language_without_blanks_is_read_by_bytes(read: Read) -> None:
    texts = ["".join(chr(0x4E00 + row + at) for at in range(12)) for row in range(ROWS)]
    found = read({"text": texts, "mood": NUMBERS})
    assert chosen(found)[0] == ["text"]
    text = found.choice.text
    assert text is not None
    assert isinstance(text.tokenizer, Bytes)
    assert text.tokenizer.length == 48


@pytest.mark.parametrize(
    ("names", "targets"),
    [
        (("size", "price", "kind"), ["price"]),
        (("y_1", "size", "y_2"), ["y_1", "y_2"]),
        (("size", "age", "depth"), ["depth"]),
    ],
)
def test_columns_are_inputs_and_a_target_is_guessed(
    read: Read, names: tuple[str, ...], targets: list[str]
) -> None:
    kinds = dict(zip(names, (NUMBERS, OTHERS, [*reversed(NUMBERS)]), strict=True))
    found = read({**kinds, "sex": cycle("f", "m", "")} if targets != ["depth"] else kinds)
    assert found.choice.is_guess
    used = [each.name for target in found.targets for each in target.columns]
    assert used == targets
    assert any("were guessed" in line for line in found.told())
    numbers = found.choice.numbers
    assert numbers is not None
    assert not {each.name for each in numbers.columns} & set(targets)
    if targets != ["depth"]:
        assert numbers.categories == {"sex": ["f", "m"]}
        assert numbers.sizes[-1] == 2


def test_a_person_chooses(read: Read) -> None:
    columns = {"review": PROSE, "sex": cycle("f", "m"), "age": NUMBERS, "size": OTHERS}
    found = read(columns, targets=["size"])
    assert chosen(found) == (["review"], [], ["size"])
    assert "it is not one of --targets" in found.left_out["sex"]
    assert chosen(read(columns, inputs=["age", "sex"])) == ([], ["sex", "age"], ["size"])
    both = read(columns, targets=["size"], inputs=["age", "review"])
    assert chosen(both) == (["review"], ["age"], ["size"])
    assert both.is_several


def test_a_text_beside_images_is_read_if_it_is_prose(read: Read) -> None:
    found = read({"caption": PROSE, "mood": NUMBERS}, images=True)
    assert chosen(found) == (["caption"], [], ["mood"])
    assert found.is_several
    assert chosen(read({"note": SHORT, "mood": NUMBERS}, images=True)) == ([], [], ["mood"])
    found = read({"age": OTHERS, "mood": NUMBERS}, images=True, inputs=["age"])
    named = read({"age": OTHERS, "mood": NUMBERS}, images=True, inputs=["file_name", "age"])
    assert chosen(named) == chosen(found)
    assert chosen(found) == ([], ["age"], ["mood"])


def test_numbers_that_stand_for_a_missing_one_are_told_if_no_column_has_them(read: Read) -> None:
    gone = ["-999" if row % 5 == 0 else each for row, each in enumerate(NUMBERS)]
    found = read({"a": gone, "b": OTHERS, "y": cycle(*range(30))})
    assert found.choice.numbers is not None
    assert found.choice.numbers.missing == [-999]
    below = ["-999" if row == 3 else f"{-row * 300}.5" for row in range(ROWS)]
    found = read({"a": gone, "b": below, "y": cycle(*range(30))})
    assert found.choice.numbers is not None
    assert found.choice.numbers.missing == []


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"targets": ["moood"]}, "--targets names 'moood', .* did you mean 'mood'"),
        ({"targets": ["review"]}, "--targets names 'review', which cannot be learnt: it is free"),
        ({"inputs": ["one"]}, "--inputs names 'one', which cannot be an input: it is constant"),
        ({"inputs": ["mood"], "targets": ["mood"]}, "'mood' is listed in both --inputs and"),
        ({"inputs": ["mood"], "targets": ["one"]}, "--targets names 'one'"),
    ],
)
def test_what_cannot_be_is_refused(read: Read, wanted: dict[str, list[str]], says: str) -> None:
    with pytest.raises(InputError, match=says):
        read({"review": PROSE, "mood": NUMBERS, "one": cycle("x")}, **wanted)


def test_nothing_to_learn_from_is_refused(read: Read) -> None:
    with pytest.raises(InputError, match="no column of image files, .* and none of texts"):
        read({"name": [f"x{row}" for row in range(ROWS)], "mood": NUMBERS})
    with pytest.raises(InputError, match="no column to learn besides its inputs"):
        read({"review": PROSE})


def test_the_encoder_follows_the_inputs(read: Read) -> None:
    columns = {"review": PROSE, "age": NUMBERS, "size": OTHERS}
    text = read(columns, targets=["size"])
    few, many = (training_plan(n, None, 1, choice=text.choice) for n in (40, 5000))
    assert few.encoder == "multitask.encoders.BagOfTokens"
    assert many.encoder_settings == {"vocabulary": 2**15, "length": 16}
    both = read(columns, targets=["size"], inputs=["age", "review"])
    plan = training_plan(40, (8, 8), 1, choice=both.choice)
    assert plan.encoder == "multitask.encoders.Several"
    assert list(plan.encoder_settings["encoders"]) == ["image", "text", "numbers"]
