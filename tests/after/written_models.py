"""Models of texts, numbers and images together that are ready for use, without any training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from after.made_models import described, two_tasks
from torch import Tensor, nn

from multitask import MultiTask
from multitask.after.trained_model import TrainedModel
from multitask.checkpoints.recipe import recipe
from multitask.encoders import Encoder
from multitask.tokenizers import HashedWords, Tokenizer

AGES, SEXES = ["age", "sex"], ["f", "m"]
SHAPE = (1, 6, 8)


class Reader(Encoder):
    """Takes an image, a text and two columns, or some of these, each as one short vector."""

    def __init__(
        self, inputs: Sequence[str] = ("review",), takes_missing: bool = False, words: int = 50
    ) -> None:
        super().__init__()
        self.inputs, self.takes_missing = tuple(inputs), takes_missing
        self.words, self.person = nn.Embedding(words, 4), nn.Linear(2, 4)
        self.image = nn.Linear(SHAPE[2], 4)
        self.out_features = 4 * len(inputs)

    def forward(self, *inputs: Tensor) -> Tensor:
        pairs = zip(self.inputs, inputs, strict=True)
        return torch.cat([getattr(self, f"_of_{name}")(each) for name, each in pairs], 1)

    def _of_review(self, text: Tensor) -> Tensor:
        mask = (text >= 0).unsqueeze(2)
        return (self.words(text.clamp_min(0)) * mask).sum(1) / mask.sum(1)

    def _of_person(self, numbers: Tensor) -> Tensor:
        return self.person(numbers.nan_to_num(0.5))

    def _of_image(self, image: Tensor) -> Tensor:
        return self.image(image.nan_to_num(0.5).mean((1, 2)))


def text_told(tokenizer: Tokenizer | None = None, columns: Sequence[str] = ("review",)) -> Any:
    """What a checkpoint tells of a text."""
    made = tokenizer or HashedWords(8, 50)
    told = {"kind": "text", "columns": list(columns), "tokenizer": recipe(made)}
    return {**told, "files": {}, "missing": ["n/a"]}


COLUMNS_TOLD = {"kind": "columns", "columns": AGES, "categories": {"sex": SEXES}, "missing": []}
IMAGE_TOLD = {"height": SHAPE[1], "width": SHAPE[2], "channels": SHAPE[0]}


def reader_told(inputs: Sequence[str]) -> dict[str, Any]:
    """What a checkpoint tells of several inputs."""
    known = {"review": text_told(), "person": COLUMNS_TOLD, "image": IMAGE_TOLD}
    return {name: known[name] for name in inputs}


def reader(
    *inputs: str, takes_missing: bool = False, told: dict[str, Any] | None = None
) -> TrainedModel:
    """A model of some inputs with random weights."""
    torch.manual_seed(0)
    names = inputs or ("review",)
    tasks = two_tasks()
    model = MultiTask(Reader(names, takes_missing), tasks)
    description = {**described(tasks), "inputs": told or reader_told(names)}
    return TrainedModel(model, description, (), "cpu", "made.ckpt")
