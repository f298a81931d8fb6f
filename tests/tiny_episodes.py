"""Small data of which episodes are dealt, and a model for them."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from multitask import MultiTask
from multitask.data import DataModule, Episodes
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.split_check import SPLITS
from multitask.encoders import MLP
from multitask.tasks import Classification, Regression

CLASSES, OF_EACH = 6, 12


class TinyClasses(DataModule):
    """Images of six classes, two of each group, with a number ``size`` that some lack.

    Args:
        grouped: whether images belong together by twos.
        labels: classes to put in the place of the training images' own.
        options: see `DataModule`.
    """

    is_looked_at = False

    def __init__(self, grouped: bool = False, labels: Tensor | None = None, **options: Any) -> None:
        super().__init__(**{"seed": 0, **options})
        self.grouped, self.labels = grouped, labels

    def load(self) -> dict[str, BatchDataset]:
        generator = torch.Generator().manual_seed(self.seed)
        splits: dict[str, BatchDataset] = {}
        for split in SPLITS:
            kind = torch.arange(CLASSES).repeat(OF_EACH)
            images = torch.rand(len(kind), 1, 4, 4, generator=generator)
            images[:, 0, 0] = kind.unsqueeze(1) / CLASSES
            size = 100 + 10 * torch.randn(len(kind), generator=generator)
            size[::3] = torch.nan
            if self.labels is not None and split == "train":
                kind = self.labels
            splits[split] = InMemory(images, {"kind": kind, "size": size})
        return splits

    def class_names(self) -> dict[str, list[str]]:
        return {"kind": ["ant", "bee", "cat", "dog", "eel", "fox"]}

    def groups(self, split: str) -> tuple[str, list[Any]] | None:
        pairs = [f"{kind}-{place // 2}" for place in range(OF_EACH) for kind in range(CLASSES)]
        return ("pair", pairs) if self.grouped else None


def tiny_episodes(grouped: bool = False, **options: Any) -> Episodes:
    """Episodes of three of four classes, two labels and three queries of each."""
    defaults: dict[str, Any] = {
        "ways": 3,
        "shots": 2,
        "queries": 3,
        "episodes": 4,
        "val_episodes": 2,
        "test_episodes": 2,
        "seed": 0,
    }
    return Episodes(TinyClasses(grouped), "kind", **(defaults | options))


def episode_model(batch_norm: bool = True, both: bool = False, **arguments: Any) -> MultiTask:
    """A model for these episodes; with ``both``, of the number too."""
    torch.manual_seed(0)
    tasks: dict[str, Any] = {"kind": Classification(3)}
    tasks |= {"size": Regression()} if both else {}
    defaults: dict[str, Any] = {
        "encoder": MLP(16, hidden=[], out_features=8, batch_norm=batch_norm),
        "tasks": tasks,
        "optimizer": partial(torch.optim.SGD, lr=0.05),
    }
    return MultiTask(**(defaults | arguments))
