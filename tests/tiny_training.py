"""Small data and a model for them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from multitask import MultiTask
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.split_check import SPLITS
from multitask.encoders import MLP
from multitask.tasks import Classification, Regression

SAMPLES = 24


class TinyData(DataModule):
    """Random images with a class ``kind`` (of 3) and a number ``size`` around 100, half missing.

    Args:
        changed: targets to replace, by split and task; None takes a task away.
        images: all splits' images.
        options: see `DataModule`.
    """

    def __init__(
        self,
        changed: Mapping[str, Mapping[str, Tensor | None]] | None = None,
        images: Tensor | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**{"batch_size": 8, "seed": 0, **options})
        self.changed, self.images = changed or {}, images

    def load(self) -> dict[str, BatchDataset]:
        generator = torch.Generator().manual_seed(self.seed)
        splits: dict[str, BatchDataset] = {}
        for split in SPLITS:
            images = torch.rand(SAMPLES, 1, 4, 4, generator=generator)
            kind = torch.arange(SAMPLES) % 3
            size = 100 + 10 * torch.randn(SAMPLES, generator=generator)
            kind[::2], size[::4] = -100, float("nan")
            targets = {"kind": kind, "size": size, **self.changed.get(split, {})}
            known = {name: values for name, values in targets.items() if values is not None}
            if split not in self.without:
                splits[split] = InMemory(images if self.images is None else self.images, known)
        return splits


def tiny_model(**arguments: Any) -> MultiTask:
    """A model for the tiny data; any argument can be replaced."""
    torch.manual_seed(0)
    defaults: dict[str, Any] = {
        "encoder": MLP(16, hidden=[], out_features=8),
        "tasks": {"kind": Classification(3), "size": Regression()},
        "optimizer": partial(torch.optim.SGD, lr=0.05),
    }
    return MultiTask(**(defaults | arguments))
