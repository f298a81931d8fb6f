"""Training steps of a small multi-task network, one for each balancing method."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torchjd import aggregation
from torchjd.autojac import jac_to_grad, mtl_backward

from multitask.balancing import Balancer, FixedWeights, GradientBalancer
from multitask.balancing.views import Views
from multitask.encoders import ConvNet, Timm

CLASSES = 10
ARGUMENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "torchjd.CAGrad": lambda _tasks: {"c": 0.4},
    "torchjd.NashMTL": lambda tasks: {"n_tasks": tasks},
}


@dataclass(frozen=True)
class Case:
    """A network and the batches that it trains on.

    Args:
        title: title of the table.
        encoder: creates the encoder.
        head: creates a task's head, given its number of outputs.
        shape: shape of a batch of images.
        last: name of the encoder's last block.
        tasks: numbers of tasks.
    """

    title: str
    encoder: Callable[[], nn.Module]
    head: Callable[[int], nn.Module]
    shape: tuple[int, int, int, int]
    last: str
    tasks: tuple[int, ...] = (2, 3, 5, 10, 20)


def feature_map() -> nn.Module:
    """resnet18 up to the feature map with 128 channels at an eighth of the image size."""
    network = timm.create_model("resnet18", num_classes=0)
    encoder = nn.Sequential()
    for name in ("conv1", "bn1", "act1", "maxpool", "layer1", "layer2"):
        encoder.add_module(name, network.get_submodule(name))
    return encoder


def convolutional_head(outputs: int) -> nn.Module:
    """Predict at each position of the feature map."""
    hidden = nn.Conv2d(128, 64, 3, padding=1, bias=False)
    return nn.Sequential(hidden, nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, outputs, 1))


CASES = {
    "convnet": Case(
        "ConvNet 32x32, batch 128, linear heads",
        partial(ConvNet, in_channels=3),
        partial(nn.Linear, 64),
        (128, 3, 32, 32),
        "convolutions.3",
    ),
    "resnet18": Case(
        "timm resnet18 64x64, batch 32, linear heads",
        partial(Timm, "resnet18"),
        partial(nn.Linear, 512),
        (32, 3, 64, 64),
        "network.layer4.1",
    ),
    "dense": Case(
        "timm resnet18 to layer2, 64x64, batch 32, convolutional heads on 128x8x8",
        feature_map,
        convolutional_head,
        (32, 3, 64, 64),
        "layer2.1",
        (3,),
    ),
}


class Training:
    """Trains a network on one random batch; classifications and regressions alternate.

    Args:
        case: the network.
        tasks: number of tasks.
        device: device of the training.
        precision: ``32-true`` or ``bf16-mixed``.
    """

    def __init__(self, case: Case, tasks: int, device: str, precision: str) -> None:
        torch.manual_seed(0)
        self.names = [f"task_{place}" for place in range(tasks)]
        self.outputs = [1 if place % 2 else CLASSES for place in range(tasks)]
        self.device = torch.device(device)
        self.encoder = case.encoder().to(device)
        self.heads = nn.ModuleList(case.head(outputs) for outputs in self.outputs).to(device)
        parameters = [*self.encoder.parameters(), *self.heads.parameters()]
        # A rate so low that the gradients, and with them the solvers' work, stay the same.
        self.optimizer = torch.optim.AdamW(parameters, lr=1e-6)
        self.autocast = partial(
            torch.autocast, self.device.type, torch.bfloat16, enabled=precision == "bf16-mixed"
        )
        self.images = torch.rand(case.shape, device=device)
        with torch.no_grad():
            values = self.heads[0](self.encoder(self.images))[:, 0]
        labels, numbers = torch.randint_like(values, CLASSES).long(), torch.randn_like(values)
        self.targets = [labels if outputs > 1 else numbers for outputs in self.outputs]
        self.labelled = torch.ones(tasks, dtype=torch.bool, device=device)

    def losses(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Compute each task's loss, given its view of the representation."""
        outputs = [head(view) for head, view in zip(self.heads, views, strict=True)]
        return [self.loss(place, output) for place, output in enumerate(outputs)]

    def loss(self, place: int, output: Tensor) -> Tensor:
        """Compute the loss of the task with this index, given its head's output."""
        if self.outputs[place] > 1:
            return cross_entropy(output, self.targets[place])
        return mse_loss(output[:, 0], self.targets[place])

    def step(self, balancer: Balancer) -> None:
        """Train for one step, calling the balancer in the same order as ``fit``."""
        losses = self._losses_of(balancer)
        loss = balancer(losses, self.labelled)
        # Lightning frees the previous step's gradients between the forward and the backward pass.
        self.optimizer.zero_grad()
        loss.backward()
        balancer.after_backward()
        self.optimizer.step()
        balancer.after_step(self._losses_now)

    def _losses_of(self, balancer: Balancer) -> Tensor:
        with self.autocast():
            representation = self.encoder(self.images)
            seen = Views(balancer, dict.fromkeys(self.names, 1.0))
            views = seen(representation, training=True)
            return torch.stack(self.losses(list(views.values())))

    @torch.no_grad()
    def _losses_now(self) -> Tensor:
        with self.autocast():
            return torch.stack(self.losses([self.encoder(self.images) for _ in self.names]))

    def external_step(self, aggregator: Any, chunk: int | None) -> None:
        """Train for one step as torchjd's documentation does."""
        with self.autocast():
            representation = self.encoder(self.images)
            losses = self.losses([representation for _ in self.names])
        self.optimizer.zero_grad()
        mtl_backward(losses, features=representation, parallel_chunk_size=chunk)
        jac_to_grad(self.encoder.parameters(), aggregator)
        self.optimizer.step()


@dataclass(frozen=True)
class Share:
    """A kind of step, and its fraction of a method's steps.

    Args:
        part: fraction of the steps.
        step: takes one such step.
    """

    part: float
    step: Callable[[], None]


def method_of(name: str, tasks: int) -> Any:
    """Create a method by its name: ours if it exists, else torchjd's.

    Raises:
        AttributeError: if there is no such method.
        ImportError: if torchjd's method needs a package that is not installed.
    """
    options = ARGUMENTS.get(f"torchjd.{name.removeprefix('torchjd.')}", lambda _tasks: {})
    if not name.startswith("torchjd."):
        try:
            return getattr(importlib.import_module("multitask.balancing.weightings"), name)()
        except (AttributeError, ImportError):
            name = f"torchjd.{name}"
    return getattr(aggregation, name.removeprefix("torchjd."))(**options(tasks))


def exists(name: str) -> bool:
    """Whether the method with this name can be created."""
    try:
        method_of(name, tasks=2)
    except (AttributeError, ImportError):
        return False
    return True


def shares(name: str, training: Training, case: Case) -> list[Share]:
    """Return the method's kinds of steps; the first is the most expensive.

    Args:
        name: see ``balancing.py``.
        training: what takes the steps.
        case: has the name of the last block.
    """
    if name == "plain":
        return [Share(1, partial(training.step, FixedWeights()))]
    method, level, count = ([*name.split("/"), "", ""])[:3]
    if method == "mtl_backward":
        aggregator, chunk = method_of(f"torchjd.{level}", len(training.names)), int(count or 0)
        return [Share(1, partial(training.external_step, aggregator, chunk or None))]
    every = int(count or 1)
    balancer = GradientBalancer(
        method_of(method, len(training.names)),
        level="shared" if level in ("last", "shared") else "representation",
        parameters=case.last if level == "last" else None,
        every=every,
    )
    balancer.check(training.names)
    balancer.connect(training.encoder)

    def at(batch: int) -> None:
        balancer.batches = batch
        training.step(balancer)

    kinds = [Share(1 / every, partial(at, 0)), Share(1 - 1 / every, partial(at, 1))]
    return kinds[:1] if every == 1 else kinds
