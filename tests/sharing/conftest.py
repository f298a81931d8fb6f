"""Models of one encoder under different sharing schemes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from multitask import MultiTask
from multitask.balancing import GradientBalancer
from multitask.balancing.weightings import MGDA
from multitask.encoders import MLP, Encoder, TimmMaps
from multitask.sharing import SharingCallable
from multitask.tasks import Classification, DenseRegression, Regression, Segmentation

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


@pytest.fixture
def map_model() -> Make:
    """Makes a model over two maps in double precision, of two tasks of maps and one of vectors."""

    def make(sharing: SharingCallable | None = None, **options: Any) -> MultiTask:
        torch.manual_seed(0)
        return MultiTask(
            encoder=TimmMaps("test_resnet", levels=[0, 1], in_channels=1),
            tasks={"kind": Classification(3), "mask": Segmentation(2), "depth": DenseRegression()},
            sharing=sharing,
            **options,
        ).double()

    return make


@pytest.fixture
def map_batch() -> dict[str, Tensor]:
    """Four samples; some labels are missing."""
    generator = torch.Generator().manual_seed(1)
    batch = {
        "image": torch.rand(4, 1, 16, 16, generator=generator).double(),
        "kind": torch.tensor([0, 1, 2, -100]),
        "mask": torch.randint(2, (4, 16, 16), generator=generator),
        "depth": torch.rand(4, 1, 16, 16, generator=generator).double(),
    }
    batch["mask"][0], batch["depth"][1, 0, :9] = -100, torch.nan
    return batch


class Same(nn.Identity):
    """An expert that changes nothing."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()


def encoder_of(model: MultiTask) -> Encoder:
    """The encoder within what the tasks share."""
    return next(each for each in model.encoder.modules() if isinstance(each, Encoder))


def assert_same_losses(found: MultiTask, hard: MultiTask, batch: dict[str, Tensor]) -> None:
    """Give a model hard sharing's heads, compare the losses to the bit, and differentiate both."""
    found.heads.load_state_dict(hard.heads.state_dict())
    losses, _ = found.losses(found(batch["image"]), batch)
    wanted, _ = hard.losses(hard(batch["image"]), batch)
    assert torch.equal(losses, wanted)
    losses.sum().backward()
    wanted.sum().backward()


def assert_hard_sharing(found: MultiTask, hard: MultiTask, batch: dict[str, Tensor]) -> None:
    """Give a model hard sharing's weights, and compare losses and gradients to the bit."""
    encoder_of(found).load_state_dict(hard.encoder.state_dict())
    assert_same_losses(found, hard, batch)
    for one, other in ((encoder_of(found), hard.encoder), (found.heads, hard.heads)):
        for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
            assert mine.grad is not None
            assert theirs.grad is not None
            assert torch.equal(mine.grad, theirs.grad)


def learned(model: MultiTask) -> MultiTask:
    """Move all parameters of a sharing scheme away from where they begin."""
    with torch.no_grad():
        for each in model.sharing.parameters():
            each.add_(torch.rand_like(each) / 2)
    return model


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
