"""Grey images of discs, squares and crosses. Replace them with your own data."""

from __future__ import annotations

from typing import Any

import torch
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.missing_labels import MISSING_CLASS
from torch import Tensor

SHAPES = ["disc", "square", "cross"]
SIDE = 24
"""Width and height of an image in pixels."""
VALIDATION, TEST = 200, 200


class Shapes(DataModule):
    """Noisy images of one shape each, drawn when the data are loaded.

    Tasks: ``shape`` (3 classes) and ``size`` (1 number: half the width of the shape, in pixels).

    Args:
        samples: number of training images.
        labelled: number of training images whose ``shape`` is known; ``size`` is known for all.
        options: see `multitask.data.DataModule`.
    """

    def __init__(self, samples: int = 1000, labelled: int = 200, **options: Any) -> None:
        super().__init__(**options)
        self.samples, self.labelled = samples, labelled

    def load(self) -> dict[str, BatchDataset]:
        generator = torch.Generator().manual_seed(self.seed)
        splits: dict[str, BatchDataset] = {}
        for split, count in (("train", self.samples), ("val", VALIDATION), ("test", TEST)):
            images, shapes, sizes = draw(count, generator)
            if split == "train":
                # A missing target is -100 if it is a class, NaN if it is a number.
                shapes[self.labelled :] = MISSING_CLASS
            splits[split] = InMemory(images, {"shape": shapes, "size": sizes})
        return splits

    def class_names(self) -> dict[str, list[str]]:
        return {"shape": SHAPES}


def draw(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw images of random shapes.

    Args:
        count: number of images.
        generator: generator of the random numbers.

    Returns:
        Images ``[count, 1, SIDE, SIDE]``, float32 from 0 to 1; shapes ``[count]``, int64; and sizes
        ``[count]``, float32, in pixels.
    """
    shapes = torch.randint(len(SHAPES), (count,), generator=generator)
    sizes = 4 + 5 * torch.rand(count, generator=generator)
    centres = SIDE / 2 + 5 * (torch.rand(2, count, 1, 1, generator=generator) - 0.5)
    axis = torch.arange(SIDE) + 0.5
    across = (axis[None, None, :] - centres[0]).abs()
    down = (axis[None, :, None] - centres[1]).abs()
    half = sizes[:, None, None]
    drawn = torch.stack(
        [
            across**2 + down**2 < half**2,
            torch.maximum(across, down) < half,
            (torch.minimum(across, down) < half / 3) & (torch.maximum(across, down) < half),
        ]
    )
    images = 0.2 + 0.5 * drawn[shapes, torch.arange(count)].float()
    noise = 0.1 * torch.randn(images.shape, generator=generator)
    return (images + noise).clamp(0, 1).unsqueeze(1), shapes, sizes
