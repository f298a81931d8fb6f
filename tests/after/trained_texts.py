"""Tiny models of texts and numbers, trained on a table for an epoch."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from after.trained_table import quiet_trainer, write_images
from after.written_models import SHAPE

from multitask import MultiTask
from multitask.data import Table
from multitask.encoders import BagOfTokens, Columns, ConvNet, Encoder, Several
from multitask.tasks import Classification, Regression
from multitask.tokenizers import HashedWords

WORDS = ["good", "bad", "long", "film", "book", "story", "of a dog", "again"]
HEADER = ["review", "age", "sex", "topic", "mood", "file_name"]
INPUTS: dict[str, Any] = {
    "review": {"column": "review", "tokenizer": HashedWords(8, 50)},
    "person": {"columns": ["age", "sex"], "categories": {"sex": ["f", "m"]}},
}


def written_reviews(path: Path, rows: int = 24, first: int = 0) -> Path:
    """A table of texts, numbers, categories and labels, some of which are missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEADER)
        for at in range(first, first + rows):
            review = f"{WORDS[at % 8]} {WORDS[at // 8 % 8]} {at}"
            topic = ["film", "book", ""][at % 3]
            table.writerow([review, at, "fm"[at % 2], topic, at % 5, f"{at}.png"])
    return path


def review_data(path: Path, inputs: Sequence[str], **settings: Any) -> Table:
    """The data of `trained_reviews`."""
    has_images = "image" in inputs
    return Table(
        {"topic": {"columns": "topic", "classes": ["film", "book"]}, "mood": "mood"},  # type: ignore[arg-type,dict-item]
        path,
        inputs={name: INPUTS[name] for name in inputs if name != "image"},
        image_column="file_name" if has_images else None,
        image_size=list(SHAPE[1:]),
        channels=1,
        batch_size=8,
        seed=0,
        cache_folder=path.parent / "cache",
        **settings,
    )


def trained_reviews(folder: Path, inputs: Sequence[str] = ("review",)) -> Path:
    """Train for an epoch; returns the checkpoint, alone in a folder without the data.

    Args:
        folder: an empty one.
        inputs: of several, any may be missing.
    """
    torch.manual_seed(0)
    path = written_reviews(folder / "data" / "reviews.csv")
    if "image" in inputs:
        write_images(folder / "data", 24)
    known: dict[str, Encoder] = {
        "image": ConvNet(1, [4]),
        "review": BagOfTokens(50, 8, input="review"),
        "person": Columns([1, 2], [8], 8, input="person"),
    }
    own = {name: known[name] for name in inputs}
    model = MultiTask(
        own[inputs[0]] if len(inputs) == 1 else Several(own, out_features=8),
        {"topic": Classification(2), "mood": Regression(unit="stars")},
        optimizer=partial(torch.optim.SGD, lr=0.01),
    )
    trainer = quiet_trainer(folder)
    trainer.fit(model, review_data(path, inputs))
    checkpoint = folder / "alone" / "best.ckpt"
    checkpoint.parent.mkdir()
    trainer.save_checkpoint(checkpoint)
    shutil.rmtree(folder / "data")
    return checkpoint
