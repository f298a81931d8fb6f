"""Models of one encoder under different sharing schemes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from multitask import MultiTask
from multitask.balancing import GradientBalancer
from multitask.balancing.weightings import MGDA
from multitask.encoders import MLP
from multitask.sharing import SharingCallable
from multitask.tasks import Classification, Regression

Make = Callable[..., MultiTask]


@pytest.fixture
def model() -> Make:
    """Makes a model of three tasks in double precision; the encoder has two stages."""

    def make(sharing: SharingCallable | None = None, **options: Any) -> MultiTask:
        torch.manual_seed(0)
        return MultiTask(
            encoder=MLP(12, hidden=[8], out_features=6),
            tasks={"kind": Classification(3), "size": Regression(), "place": Regression(2)},
            sharing=sharing,
            **options,
        ).double()

    return make


@pytest.fixture
def batch() -> dict[str, Tensor]:
    """Ten samples; some labels are missing."""
    generator = torch.Generator().manual_seed(1)
    batch = {
        "image": torch.rand(10, 1, 3, 4, generator=generator).double(),
        "kind": torch.arange(10) % 3,
        "size": torch.rand(10, generator=generator).double(),
        "place": torch.rand(10, 2, generator=generator).double(),
    }
    batch["kind"][::2], batch["size"][5:] = -100, torch.nan
    return batch


def gate_gramian(model: MultiTask, batch: dict[str, Tensor]) -> Tensor:
    """The Gramian that a balancer sees at the gate."""
    seen: list[Tensor] = []
    model.views.watchers.append(lambda gradients: seen.append(gradients.gramian()))
    losses, _ = model.losses(model(batch["image"]), batch)
    losses.sum().backward()
    return seen[0]


def separate_gramian(model: MultiTask, batch: dict[str, Tensor]) -> Tensor:
    """The same by one backward pass for each task, at the trunk's outputs as inputs."""
    trunk = model.encoder(batch["image"])
    parts = [trunk] if isinstance(trunk, Tensor) else list(trunk)
    leaves = [part.detach().requires_grad_() for part in parts]
    given = leaves[0] if isinstance(trunk, Tensor) else leaves
    features = model.sharing(dict.fromkeys(model.tasks, given))
    outputs: Any = {name: head(features[name]) for name, head in model.heads.items()}
    losses, _ = model.losses(outputs, batch)
    rows = [
        torch.cat(
            [
                each.flatten()
                for each in torch.autograd.grad(
                    loss, leaves, retain_graph=True, materialize_grads=True
                )
            ]
        )
        for loss in losses
    ]
    return torch.stack(rows) @ torch.stack(rows).T


def balanced() -> GradientBalancer:
    """A balancer that weighs gradients at the gate."""
    return GradientBalancer(MGDA())
