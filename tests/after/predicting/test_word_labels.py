"""Predictions of tokens are written for the words that people wrote."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import torch

from multitask.after.inputs.written_text import WrittenText
from multitask.after.predicting.word_labels import with_words
from multitask.tables.input_columns import InputColumns
from multitask.tokenizers import HashedWords


def test_only_tasks_of_words_change() -> None:
    written = WrittenText("text", InputColumns("review", tokenizer=HashedWords(6)))
    targets = {"tags": {"tokens_of": "text"}, "kind": {"classes": ["a", "b"]}}
    model: Any = SimpleNamespace(
        description={"tables": [{"targets": targets}]}, written={"text": written}
    )
    columns: Any = {
        "tags": [json.dumps(["a", "b", "c", "d"]), json.dumps(["a"])],
        "kind": ["a", "b"],
        "size": torch.zeros(2),
    }
    found = with_words(model, columns, {"text": {"review": ["Ada (wrote", None]}})
    assert found["tags"] == ['["b", "d"]', "[]"]
    assert (found["kind"], found["size"]) == (columns["kind"], columns["size"])
    model.description = {}
    assert with_words(model, columns, {})["tags"] == columns["tags"]
