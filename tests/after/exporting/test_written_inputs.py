"""Models of texts, numbers and several inputs as files, which predict what the models do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from after.made_models import pixels
from after.written_models import IMAGE, NUMBERS, WORDS, columns, numbers, told_text, written

from multitask import InputError
from multitask.after.exporting.export import export
from multitask.after.exporting.onnx_model import OnnxModel
from multitask.after.trained_model import TrainedModel
from multitask.encoders import BagOfTokens, TextTransformer

TEXTS = ["", "one", "a text of a few words, and signs", None, "word " * 30]
TEXT = {"text": told_text()}
CASES: dict[str, Callable[[], TrainedModel]] = {
    "bag": lambda: written(BagOfTokens(50, 8), TEXT),
    "transformer": lambda: written(TextTransformer(50, 12, 8, 2, 2), TEXT),
    "columns": lambda: written(columns(), {"numbers": NUMBERS}),
}


def samples(model: Any) -> dict[str, torch.Tensor]:
    """Five samples of each input of a model."""
    known = {"text": WORDS(TEXTS).tokens, "numbers": numbers(5), "image": pixels(5)}
    return {name: known[name] for name in model.model.inputs}


@pytest.mark.parametrize("case", CASES)
def test_an_onnx_file_predicts_what_the_model_does(case: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = CASES[case]()
    done = export(model, "onnx", tmp_path / "model.onnx")
    assert done.difference < 5e-5
    run = OnnxModel(done.path)
    given = samples(model)
    assert run.inputs == list(given)
    for batch in (given, {name: each[:1] for name, each in given.items()}):
        found = run({name: each.numpy() for name, each in batch.items()})
        right = model(batch)
        assert set(found) == set(right)
        for name, each in right.items():
            np.testing.assert_allclose(found[name], each.numpy(), rtol=1e-4, atol=1e-5)
