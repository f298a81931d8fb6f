"""Small data, models and trainers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import wandb
from lightning.pytorch import Trainer
from torch import Tensor
from wandb.sdk import wandb_setup

from multitask import MultiTask
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.split_check import SPLITS
from multitask.encoders import MLP
from multitask.tasks import Classification, Regression

pytest_plugins = ["conformance.table"]

SAMPLES = 24
PORTS = count()
"""Below those that a system gives to whoever asks for a free one."""

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _without_wandb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)


@pytest.fixture(autouse=True)
def _own_image_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("MULTITASK_CACHE", str(tmp_path_factory.getbasetemp() / "image_cache"))


@pytest.fixture(autouse=True)
def _own_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Processes that a test starts know of no test before, and meet where no other program is.

    Lightning takes a port that is free, and uses it seconds later, when the system may have given
    it to another test.
    """
    for name in ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    port = 20_000 + os.getpid() % 1000 * 10 + next(PORTS) % 10
    monkeypatch.setenv("MASTER_PORT", str(port))
    yield
    # Lightning leaves the group of a training in this process until the process ends.
    if dist.is_initialized():
        dist.destroy_process_group()


@pytest.fixture(autouse=True)
def _own_wandb() -> Iterator[None]:
    """W&B's client, which keeps what it has read from the environment, reads it anew."""
    yield
    if wandb_setup._singleton is not None:
        wandb.teardown()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow tests, half of them on each of two workers, which share what is left."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    fast = [item for item in items if not item.get_closest_marker("slow")]
    half = len(fast) // 2 - (len(slow) % 2)
    items[:] = [*slow[::2], *fast[:half], *slow[1::2], *fast[half:]]


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
            splits[split] = InMemory(images if self.images is None else self.images, known)
        return splits


def _tiny_model(**arguments: Any) -> MultiTask:
    torch.manual_seed(0)
    defaults: dict[str, Any] = {
        "encoder": MLP(16, hidden=[], out_features=8),
        "tasks": {"kind": Classification(3), "size": Regression()},
        "optimizer": partial(torch.optim.SGD, lr=0.05),
    }
    return MultiTask(**(defaults | arguments))


@pytest.fixture
def tiny_data() -> type[TinyData]:
    """A data set of 24 samples a split; its batches have 8."""
    return TinyData


@pytest.fixture
def tiny_model() -> Callable[..., MultiTask]:
    """A model for the tiny data; any argument can be replaced."""
    return _tiny_model


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[..., Trainer]:
    """A silent trainer of one epoch; any argument can be replaced."""

    def make(**options: Any) -> Trainer:
        defaults: dict[str, Any] = {
            "accelerator": "cpu",
            "devices": 1,
            "max_epochs": 1,
            "default_root_dir": tmp_path,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
        }
        return Trainer(**(defaults | options))

    return make
