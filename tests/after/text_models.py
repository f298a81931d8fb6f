"""Models of texts, numbers and categories that are ready for use, without any training."""

from __future__ import annotations

from typing import Any

import torch
from after.made_models import described, two_tasks
from torch import Tensor

from multitask import MultiTask
from multitask.after.trained_model import TrainedModel
from multitask.checkpoints.recipe import recipe
from multitask.encoders import Columns, Encoder
from multitask.tasks import Task
from multitask.tokenizers import HashedWords, Tokenizer

WORDS = HashedWords(12, 50)
"""A tokenizer of few tokens."""
IMAGE = {"image": {"height": 12, "width": 10, "channels": 1}}


def told_text(tokenizer: Tokenizer = WORDS, columns: tuple[str, ...] = ("review",)) -> Any:
    """What a checkpoint tells of a text."""
    told = {"columns": list(columns), "tokenizer": recipe(tokenizer), "missing": ["none"]}
    made = told["tokenizer"].get("init_args", {})  # type: ignore[union-attr]
    made.pop("files", None)
    return {"kind": "text", **told, "files": tokenizer.files()}


NUMBERS: Any = {
    "kind": "columns",
    "columns": ["age", "sex", "weight"],
    "categories": {"sex": ["f", "m", "x"]},
    "missing": [],
}
"""What a checkpoint tells of numbers and a category."""


def columns(**options: Any) -> Columns:
    """An encoder of `NUMBERS` that has seen some."""
    made = Columns([1, 3, 1], hidden=[6], out_features=8, embedding=2, **options)
    made.learn_statistics([numbers(50)])
    return made


def numbers(rows: int) -> Tensor:
    """Ages around 40, a category, and weights around 70,000; some are missing."""
    generator = torch.Generator().manual_seed(rows)
    found = torch.randn(rows, 3, generator=generator) * torch.tensor([9.0, 0, 9e3])
    found += torch.tensor([40.0, 0, 7e4])
    found[:, 1] = torch.arange(rows) % 3
    found[1::4, 0] = found[2::4, 1] = torch.nan
    return found


def written(
    encoder: Encoder, inputs: dict[str, Any], tasks: dict[str, Task] | None = None, **arguments: Any
) -> TrainedModel:
    """A model with random weights.

    Args:
        encoder: of the inputs.
        inputs: what a checkpoint tells of each.
        tasks: by default a class of three and a number around 100.
        arguments: of the model.
    """
    named = tasks or two_tasks()
    model = MultiTask(encoder, named, **arguments)
    told = {**described(named), "inputs": inputs}
    return TrainedModel(model, told, (), "cpu", "made.ckpt")
