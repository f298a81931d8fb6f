"""Handwritten digits as they are."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.splitting import keep_labels_per_class, random_split

CLASSES = 10
VALIDATION, TEST = 297, 500


def source_digits() -> tuple[Tensor, Tensor]:
    """The 1797 digits of 8x8 pixels that scikit-learn brings along (Alpaydin and Kaynak, 1998).

    Returns:
        Images ``[1797, 1, 8, 8]``, float32 from 0 to 1, and classes ``[1797]``, int64.
    """
    bunch = load_digits()
    images = torch.from_numpy(bunch.images).float().div(16).unsqueeze(1)
    return images, torch.from_numpy(bunch.target).long()


class Digits(DataModule):
    """1797 real handwritten digits, 8x8 pixels: 1000 to train, 297 to validate, 500 to test.

    Tasks: ``digit`` (10 classes) and ``ink`` (1 number: the mean brightness, in percent).

    Args:
        labels_per_class: keep the class of so many training digits of each class, all where not
            given.
        options: see `DataModule`.
    """

    def __init__(self, labels_per_class: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.labelled_task = self.labelled_task or "digit"
        self.labels_per_class = labels_per_class

    def load(self) -> dict[str, BatchDataset]:
        images, labels = source_digits()
        splits: dict[str, BatchDataset] = {}
        for split, rows in random_split(len(images), VALIDATION, TEST, self.seed).items():
            digit = labels[rows]
            if split == "train" and self.labels_per_class is not None:
                digit = keep_labels_per_class(digit, self.labels_per_class, self.seed)
            ink = 100 * images[rows].mean((1, 2, 3))
            splits[split] = InMemory(images[rows], {"digit": digit, "ink": ink})
        return splits
