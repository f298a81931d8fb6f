"""Unmodified handwritten digits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.splitting import keep_labels_per_class, random_split
from multitask.errors import InputError

CLASSES = 10
VALIDATION, TEST = 297, 500


def source_digits() -> tuple[Tensor, Tensor]:
    """Return the 1797 digits of 8x8 pixels in scikit-learn (Alpaydin and Kaynak, 1998).

    Returns:
        Images ``[1797, 1, 8, 8]``, float32 from 0 to 1, and classes ``[1797]``, int64.
    """
    # The import needs memory and time, which users of other data should not spend.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images).float().div(16).unsqueeze(1)
    return images, torch.from_numpy(bunch.target).long()


class Digits(DataModule):
    """1797 real handwritten digits, 8x8 pixels: 1000 to train, 297 to validate, 500 to test.

    Tasks: ``digit`` (10 classes) and ``ink`` (1 number: the mean brightness, in percent).

    Args:
        labels_per_class: number of training digits of each class that keep their label; default:
            all.
        image_size: side length in pixels to which the digits are enlarged; default: 8.
        options: see `DataModule`.
    """

    def __init__(
        self, labels_per_class: int | None = None, image_size: int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        if image_size is not None and image_size < 1:
            raise InputError(f"image_size is {image_size}; give at least 1")
        self.labelled_task = self.labelled_task or "digit"
        self.labels_per_class = labels_per_class
        self.image_size = image_size

    def load(self) -> dict[str, BatchDataset]:
        images, labels = source_digits()
        inks = 100 * images.mean((1, 2, 3))
        if self.image_size is not None:
            images = interpolate(images, self.image_size, mode="bilinear")
        splits: dict[str, BatchDataset] = {}
        for split, rows in random_split(len(images), VALIDATION, TEST, self.seed).items():
            digit = labels[rows]
            if split == "train" and self.labels_per_class is not None:
                digit = keep_labels_per_class(digit, self.labels_per_class, self.seed)
            splits[split] = InMemory(images[rows], {"digit": digit, "ink": inks[rows]})
        return splits
