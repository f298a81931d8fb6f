"""Texts and numbers that a program gives, as what a model takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from after.made_models import checkpoint
from after.written_models import COLUMNS_TOLD, Reader, reader, reader_told, text_told
from pandas import DataFrame

import multitask
from multitask import MultiTask
from multitask.after.inputs.samples import LacksInput, made_batches
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError
from multitask.tokenizers import HashedWords

PIXELS = np.zeros((6, 8), np.uint8)


def made(trained: TrainedModel, samples: Any) -> dict[str, torch.Tensor]:
    (batch,) = made_batches(trained, samples, 100)
    return batch


def tokens(*texts: Any, parts: int = 1) -> torch.Tensor:
    return HashedWords(8, 50)(texts).tokens


@pytest.mark.parametrize("samples", ["a b", ["a b"], {"review": "a b"}, ({"review": "a b"},)])
def test_one_text_is_given_in_any_way(samples: Any) -> None:
    several = list(samples) if isinstance(samples, tuple) else samples
    assert torch.equal(made(reader(), several)["review"], tokens("a b"))


def test_texts_that_belong_together_are_a_tuple() -> None:
    pairs = reader(told={"review": text_told(columns=["question", "answer"])})
    found = made(pairs, [("a", "b"), {"answer": "b", "question": "a"}, ("a", None)])["review"]
    assert torch.equal(found, tokens(["a", "b"], ["a", "b"], ["a", ""]))
    with pytest.raises(InputError, match="made of 2 texts, question and answer; give a list"):
        made(pairs, ["a", "b"])


def test_columns_are_numbers_and_places_of_categories() -> None:
    rows = [{"age": 31, "sex": "m"}, {"sex": "f"}, (1.5, None), {"person": {"age": "7"}}]
    found = made(reader("person"), rows)["person"]
    nan = torch.nan
    expected = torch.tensor([[31, 1], [nan, 0], [1.5, nan], [7, nan]])
    torch.testing.assert_close(found, expected, equal_nan=True)


def test_a_table_has_the_columns_of_training() -> None:
    table = DataFrame({"review": ["a", "b c"], "sex": ["f", "m"], "age": [1, np.nan], "x": 0})
    trained = reader("person", "review")
    found = made(trained, table)
    assert torch.equal(found["review"], tokens("a", "b c"))
    assert found["person"].nan_to_num(-1).tolist() == [[1, 0], [-1, 1]]
    assert trained.predict(table)["kind"].isin(["cat", "dog", "häst <b>"]).all()
    with pytest.raises(InputError, match="no column 'sex', which the model's input 'person'"):
        trained.predict(table.drop(columns="sex"))


@pytest.mark.parametrize(
    ("inputs", "sample", "words"),
    [
        ("review", 3, "sample 1: review is 3, which is not a text"),
        ("review", "n/a", "sample 1: its text is empty"),
        ("review", {"text": "a"}, "sample 1: review is not made of 'text'; choose from 'review'"),
        (
            "person",
            {"age": 1, "sx": "f"},
            "person is not made of 'sx'; did you mean 'sex'",
        ),
        ("person", {"age": "old"}, "sample 1: column 'age': the cell 'old' is not a number"),
        ("person", {"age": 1, "sex": "x"}, "column 'sex': 'x' is not one of its categories"),
        ("person", {}, "sample 1: its age and sex are all missing"),
        ("person", {"age": [1]}, r"person, 'age', is \[1\], which is not a number or a text"),
        ("review person", {"review": "a"}, "sample 1: its age and sex are all missing"),
        ("review person", "a", "the model accepts review and person; give a dictionary"),
        ("review person", {"revew": "a"}, "has no input 'revew'; did you mean 'review'"),
        ("review image", {"review": "a"}, "sample 1: it has no image"),
    ],
)
def test_a_wrong_sample_is_named(inputs: str, sample: Any, words: str) -> None:
    good = {"review": "a", "person": {"age": 1}, "image": PIXELS}
    names = inputs.split()
    first = {name: good[name] for name in names} if len(names) > 1 else good[inputs]
    with pytest.raises(InputError, match=words):
        made(reader(*names), [first, sample])


def test_a_model_that_takes_it_predicts_without_an_input() -> None:
    trained = reader("image", "review", takes_missing=True)
    whole = {"image": np.full((6, 8), 255, np.uint8), "review": "a"}
    found = made(trained, [whole, {"review": "a"}, {"image": PIXELS}])
    assert found["image"].isnan().flatten(1).all(1).tolist() == [False, True, False]
    assert torch.equal(found["review"], tokens("a", "a", None))
    # Beside a sample that lacks its image, an image is the same as alone.
    together = trained.predict([whole, {"review": "a"}])
    assert together["size"][0] == pytest.approx(trained.predict(whole)["size"][0])
    with pytest.raises(InputError, match="sample 0: it has none of image and review"):
        trained.predict({})
    with pytest.warns(LacksInput, match="the table has no image, so the model predicts without it"):
        trained.predict(DataFrame({"review": ["a"]}))


def test_padding_does_not_count() -> None:
    trained = reader()
    alone = trained.predict("a")["size"][0]
    assert trained.predict(["a", "a b c d e f"])["size"][0] == pytest.approx(alone)


def test_a_checkpoint_carried_alone_makes_its_inputs(tmp_path: Path) -> None:
    names = ["review", "person"]
    model = MultiTask(Reader(names), reader().model.named_tasks)
    path = checkpoint(tmp_path / "best.ckpt", model, inputs=reader_told(names))
    # The encoder is a class of the tests.
    found = multitask.load(path, trust=True, device="cpu")
    assert found.written["review"].columns == ["review"]
    assert len(found.predict({"review": "a", "person": {"age": 3}})) == 1


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({**text_told(), "columns": []}, r"input 'review' is damaged .*column is empty"),
        ({"kind": "text", "columns": ["a"]}, "it has no tokenizer"),
        ({"kind": "sound", "columns": ["a"]}, "its kind is 'sound', which this version"),
        ({**COLUMNS_TOLD, "categories": {"b": ["x", "y"]}}, "categories contains 'b'"),
        ({**COLUMNS_TOLD, "categories": {"age": [["x"], 2]}}, "not texts or whole numbers"),
        ({**COLUMNS_TOLD, "categories": [1]}, "input 'review' is damaged"),
        ({**COLUMNS_TOLD, "missing": [3]}, "its words for missing cells are not texts"),
        (
            {**text_told(), "tokenizer": {"class_path": "os.system", "init_args": {}}},
            "os.system is imported only if you trust whoever made the checkpoint",
        ),
        (
            {**text_told(), "tokenizer": {"class_path": "multitask.encoders.ConvNet"}},
            "ConvNet is not a Tokenizer",
        ),
        (None, "has the input 'review', but does not record what it is made of"),
    ],
)
def test_a_strangers_description_is_refused(told: Any, words: str) -> None:
    trained = reader(told={"review": told})
    with pytest.raises(InputError, match=words):
        trained.predict("a")
