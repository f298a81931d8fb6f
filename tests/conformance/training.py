"""Short trainings in double precision that show whether a balancer is right."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torchmetrics import MetricCollection

from multitask import MultiTask
from multitask.balancing import Balancer
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.split_check import ALL_SPLITS
from multitask.encoders.base import Encoder
from multitask.passes import Pass
from multitask.sharing import SharingCallable
from multitask.tasks import Classification, Regression

SAMPLES = 30


class FewLabels(DataModule):
    """Random images with three tasks, of which ``size`` is missing in whole batches.

    Args:
        dtype: of images and targets.
        all_tasks: whether ``size`` is missing only in every second sample.
    """

    # Images drawn at random have no duplicates to be warned of.
    is_looked_at = False

    def __init__(self, dtype: torch.dtype, all_tasks: bool) -> None:
        # The second batch has no label of ``size``, the first and the third have some.
        super().__init__(batch_size=10, seed=3)
        self.dtype, self.all_tasks = dtype, all_tasks

    def load(self) -> dict[str, BatchDataset]:
        return dict(_drawn(self.dtype, self.all_tasks, self.seed))


@cache
def _drawn(dtype: torch.dtype, all_tasks: bool, seed: int) -> dict[str, BatchDataset]:
    generator = torch.Generator().manual_seed(seed)
    splits: dict[str, BatchDataset] = {}
    for split in ALL_SPLITS:
        images = torch.rand(SAMPLES, 1, 4, 4, generator=generator)
        kind = torch.arange(SAMPLES) % 3
        size = 100 + 10 * torch.randn(SAMPLES, generator=generator)
        place = torch.randn(SAMPLES, 2, generator=generator)
        kind[::2], place[::5, 0] = -100, torch.nan
        size[slice(1, None, 2) if all_tasks else slice(2, None)] = torch.nan
        targets = {"kind": kind, "size": size.to(dtype), "place": place.to(dtype)}
        splits[split] = InMemory(images.to(dtype), targets)
    return splits


class Again(nn.Module):
    """Computes a module's activations again in the backward pass.

    Args:
        part: the module.
    """

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, values: Tensor) -> Tensor:
        checkpoint: Any = torch.utils.checkpoint.checkpoint
        return checkpoint(self.part, values, use_reentrant=False)


class SmallEncoder(Encoder):
    """Two layers with batch normalisation.

    Args:
        checkpointed: whether activations are computed again in the backward pass.
    """

    def __init__(self, checkpointed: bool = False) -> None:
        super().__init__()
        self.checkpointed = checkpointed
        self.out_features = 6
        self.first = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Tanh())
        self.last = nn.Linear(8, 6)

    def stages(self) -> list[nn.Module]:
        parts = [self.first, self.last]
        return [Again(each) for each in parts] if self.checkpointed else parts

    def stage_features(self) -> list[int]:
        return [8]

    def forward(self, image: Tensor) -> Tensor:
        if self.checkpointed:
            checkpoint: Any = torch.utils.checkpoint.checkpoint
            return checkpoint(lambda each: self.last(self.first(each)), image, use_reentrant=False)
        return self.last(self.first(image))


class Unmeasured:
    """A task without metrics, which take a third of the time of so short a training."""

    def metrics(self) -> MetricCollection:
        return MetricCollection([])

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        pass


class Kind(Unmeasured, Classification):
    """A class, not measured."""


class Size(Unmeasured, Regression):
    """Numbers, not measured."""


def small_model(
    balancer: Balancer,
    encoder: nn.Module | None = None,
    dtype: torch.dtype = torch.float64,
    sharing: SharingCallable | None = None,
    training_pass: Pass | None = None,
    teaches: Sequence[float] = (1, 1, 1),
) -> MultiTask:
    """A model with three tasks, always started with the same weights."""
    torch.manual_seed(0)
    own: Any = SmallEncoder()
    kind, size, place = teaches
    model = MultiTask(
        encoder=own if encoder is None else encoder,
        tasks={
            "kind": Kind(3, teaches=kind),
            "size": Size(teaches=size),
            "place": Size(size=2, teaches=place),
        },
        balancer=balancer,
        optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9),
        sharing=sharing,
        training_pass=training_pass,
    )
    return model.to(dtype)


def train(
    model: MultiTask,
    steps: int = 6,
    ckpt_path: Path | None = None,
    all_tasks: bool = False,
    **options: Any,
) -> Trainer:
    """Train for some batches (three an epoch), on one process where nothing else is said."""
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
    with warnings.catch_warnings(), _silent(logging.getLogger("lightning.pytorch")):
        warnings.simplefilter("ignore")
        trainer = Trainer(**(defaults | options))
        data = FewLabels(next(model.encoder.parameters()).dtype, all_tasks)
        trainer.fit(model, data, ckpt_path=ckpt_path, weights_only=True)
    return trainer


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def weights(model: MultiTask) -> dict[str, Tensor]:
    """What was learnt, by name, in double precision."""
    named = {name: value.detach() for name, value in model.named_parameters()}
    whole = {
        name: value.full_tensor() if isinstance(value, DTensor) else value
        for name, value in named.items()
    }
    return {name: value.double().clone() for name, value in whole.items()}


def largest_difference(one: dict[str, Tensor], two: dict[str, Tensor]) -> float:
    """The largest difference between two models' weights."""
    assert one.keys() == two.keys()
    return max(float((one[name] - two[name]).abs().max()) for name in one)
