"""Models of texts, numbers and several inputs as files, which predict what the models do."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
import pytest
import torch
from after.made_models import pixels
from after.text_models import IMAGE, NUMBERS, WORDS, columns, numbers, told_text, written

from multitask.after.exporting.export import export
from multitask.after.exporting.onnx_model import OnnxModel
from multitask.after.exporting.tokenizer_folder import TOLD, write_tokenizer
from multitask.after.trained_model import TrainedModel
from multitask.encoders import (
    BagOfTokens,
    ConvNet,
    Encoder,
    Several,
    TextConvNet,
    TextTransformer,
)
from multitask.errors import InputError
from multitask.tasks import TokenLabels
from multitask.tokenizers import Bytes

TEXTS = ["", "one", "a text of a few words, and signs", None, "word " * 30]
TEXT = {"text": told_text()}
CASES: dict[str, Callable[[], TrainedModel]] = {
    "bag": lambda: written(BagOfTokens(50, 8), TEXT),
    "transformer": lambda: written(TextTransformer(50, 12, 8, 2, 2), TEXT),
    "convolutions": lambda: written(TextConvNet(50, 8), TEXT),
    "columns": lambda: written(columns(), {"numbers": NUMBERS}),
    "labels of tokens": lambda: written(
        TextTransformer(50, 12, 8, 1, 2), TEXT, {"tags": TokenLabels(["O", "NAME", "PLACE"])}
    ),
    "several": lambda: several("concatenate"),
    "attention": lambda: several("attention"),
}


def several(join: Literal["concatenate", "attention"]) -> TrainedModel:
    """A model of an image, a text and numbers."""
    encoders = {"image": ConvNet(1, [4]), "text": BagOfTokens(50, 4), "numbers": columns()}
    told = {**IMAGE, **TEXT, "numbers": NUMBERS}
    return written(Several(encoders, 8, join), told)


def samples(model: Any) -> dict[str, torch.Tensor]:
    """Five samples of each input of a model."""
    known = {"text": WORDS(TEXTS).tokens, "numbers": numbers(5), "image": pixels(5)}
    return {name: known[name] for name in model.model.inputs}


@pytest.mark.parametrize("case", CASES)
def test_an_onnx_file_predicts_what_the_model_does(case: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = CASES[case]()
    try:
        done = export(model, "onnx", tmp_path / "model.onnx")
    except InputError as error:
        # A fault of the exporter of torch 2.11, which the user is told of.
        if "got prim.device != aten.where" not in str(error):
            raise
        pytest.skip("this version of torch cannot convert the model")
    assert done.difference < 5e-5
    run = OnnxModel(done.path)
    given = samples(model)
    assert run.inputs == list(given)
    for batch in (given, {name: each[:1] for name, each in given.items()}):
        found = run({name: each.numpy() for name, each in batch.items()})
        right = model(batch)
        assert set(found) == set(right)
        for name, each in right.items():
            # A file answers for each place that it is given, the model up to the longest text.
            shown = found[name][..., : each.shape[2]] if each.ndim == 3 else found[name]
            np.testing.assert_allclose(shown, each.numpy(), rtol=1e-4, atol=1e-5)


def test_the_tokenizer_lies_beside_the_file_and_tells_how_it_works(tmp_path: Path) -> None:
    done = export(CASES["bag"](), "torch_export", tmp_path / "model.pt2")
    (folder,) = done.tokenizers
    assert {each.name for each in tmp_path.iterdir()} == {"model.pt2", "model_text_tokenizer"}
    told = json.loads((folder / TOLD).read_text("utf-8"))
    assert told["tokenizer"]["class_path"].endswith("HashedWords")
    # Another program, which has the rule and not this package.
    for each in told["examples"]:
        parts = [each["text"] or ""] if not isinstance(each["text"], list) else each["text"]
        tokens = [told["beginning"]]
        for place, part in enumerate(parts):
            tokens += [told["separator"]] if place else []
            words = re.findall(r"\w+|[^\w\s]", part)
            tokens += [3 + zlib.crc32(word.lower().encode()) % 47 for word in words]
        assert tokens[: told["length"]] == each["tokens"]
    assert "crc32" in told["rule"]
    assert "% 47" in told["rule"]
    with pytest.raises(InputError, match="model_text_tokenizer already exists"):
        export(CASES["bag"](), "onnx", tmp_path / "model.onnx")


class WithFiles(Bytes):
    """A tokenizer that needs a file, with a name that leads elsewhere."""

    def files(self) -> dict[str, str]:
        return {"../../rules.txt": "Größe"}


def test_files_of_a_tokenizer_lie_in_its_folder_whatever_they_are_called(tmp_path: Path) -> None:
    write_tokenizer(WithFiles(5), tmp_path / "folder")
    assert {each.name for each in (tmp_path / "folder").iterdir()} == {TOLD, "rules.txt"}
    assert (tmp_path / "folder/rules.txt").read_text("utf-8") == "Größe"
    told = json.loads((tmp_path / "folder" / TOLD).read_text("utf-8"))
    assert told["files"] == ["rules.txt"]
    assert told["examples"][1]["tokens"] == [0, *(3 + each for each in b"A go")]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> OnnxModel:
    """A file that takes texts and numbers."""
    encoders: dict[str, Encoder] = {"text": BagOfTokens(50, 4), "numbers": columns()}
    model = written(Several(encoders, 8), {**TEXT, "numbers": NUMBERS})
    place = tmp_path_factory.mktemp("onnx") / "model.onnx"
    return OnnxModel(export(model, "onnx", place).path)


def test_a_file_of_several_inputs_says_what_it_takes(both: OnnxModel) -> None:
    texts, people = WORDS(TEXTS).tokens.numpy(), numbers(5).numpy()
    assert both({"numbers": people, "text": texts})["kind"].shape == (5, 3)
    session = onnxruntime.InferenceSession(str(both.path), providers=["CPUExecutionProvider"])
    taken = {each.name: (each.type, each.shape) for each in session.get_inputs()}
    assert taken == {
        "text": ("tensor(int32)", ["batch", "text_places"]),
        "numbers": ("tensor(float)", ["batch", 3]),
    }
    with pytest.raises(InputError, match="accepts text, numbers, not an image"):
        _ = both.format


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"text": np.zeros((2, 3), np.int32)}, "needs text, numbers, but was given text; give each"),
    (
        {"text": np.zeros((2, 3), np.int64)},
        r"expects int32 of shape \[batch, text_places\] of text",
    ),
    ({"numbers": np.zeros((2, 4), np.float32)}, r"float32 of shape \[batch, 3\] of numbers, not"),
    ({"numbers": np.zeros((1, 3), np.float32)}, "one number of samples for all inputs, not 2"),
]


def test_a_sample_may_lack_an_input_of_several(both: OnnxModel) -> None:
    texts, people = WORDS(["some words", None]).tokens.numpy(), numbers(2).numpy()
    people[0] = np.nan
    found = both({"text": texts, "numbers": people})["kind"]
    people[0] = 1
    other = both({"text": texts, "numbers": people})["kind"]
    assert np.isfinite(found).all()
    assert not np.allclose(found[0], other[0])
    np.testing.assert_allclose(found[1], other[1])


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_what_a_file_does_not_take(both: OnnxModel, given: dict[str, Any], words: str) -> None:
    right = {"text": np.zeros((2, 3), np.int32), "numbers": np.zeros((2, 3), np.float32)}
    with pytest.raises(InputError, match=words):
        both(given if given.keys() == {"text"} and "was given" in words else {**right, **given})


def test_an_input_of_which_nothing_is_told(tmp_path: Path) -> None:
    model = written(BagOfTokens(50, 8), {"text": None})
    with pytest.raises(InputError, match="has the input 'text', but does not record what it is"):
        export(model, "onnx", tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
