"""Random texts with two tasks, and short trainings with them in double precision."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from multitask import MultiTask
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.split_check import SPLITS
from multitask.encoders import Encoder
from multitask.sharing import SharingCallable
from multitask.tasks import Classification, Regression

SAMPLES = 30
PLACES = 12
VOCABULARY = 60


class TinyReviews(DataModule):
    """Texts of 2 to 12 tokens with a class ``topic`` (of 3) and a number ``mood``, half missing.

    Args:
        options: see `DataModule`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"batch_size": 10, "seed": 0, **options})

    def load(self) -> dict[str, BatchDataset]:
        generator = torch.Generator().manual_seed(self.seed)
        splits: dict[str, BatchDataset] = {}
        for split in SPLITS:
            lengths = torch.randint(2, PLACES + 1, (SAMPLES, 1), generator=generator)
            text = torch.randint(5, VOCABULARY, (SAMPLES, PLACES), generator=generator)
            text[:, 0] = 2
            text = text.masked_fill(torch.arange(PLACES) >= lengths, -1).int()
            topic = torch.arange(SAMPLES) % 3
            mood = torch.randn(SAMPLES, generator=generator, dtype=torch.float64)
            topic[::2], mood[::4] = -100, torch.nan
            splits[split] = InMemory({"text": text}, {"topic": topic, "mood": mood})
        return splits


def review_model(encoder: Encoder, sharing: SharingCallable | None = None) -> MultiTask:
    """A model for the reviews."""
    return MultiTask(
        encoder,
        {"topic": Classification(3), "mood": Regression()},
        optimizer=partial(torch.optim.AdamW, lr=0.01),
        sharing=sharing,
    ).double()


def train(
    model: MultiTask,
    steps: int = 4,
    ckpt_path: Path | None = None,
    data: DataModule | None = None,
    **options: Any,
) -> Trainer:
    """Train for some batches (three an epoch), on one process if nothing else is said."""
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "precision": "64-true",
        "max_steps": steps,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "limit_val_batches": 0,
        "use_distributed_sampler": False,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = Trainer(**(defaults | options))
        trainer.fit(model, data or TinyReviews(), ckpt_path=ckpt_path, weights_only=True)
    return trainer


def learnt(model: MultiTask) -> dict[str, Tensor]:
    """A model's parameters, by name."""
    return {name: each.detach().clone() for name, each in model.named_parameters()}
