"""A pass of one's own: the fast gradient sign method, as one class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor

from multitask import MultiTask
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.passes import Pass, PlainPass
from multitask.tasks.output import Output

pytestmark = pytest.mark.filterwarnings("ignore")


class FastGradientSign(Pass):
    """Trains on images changed so that the losses rise (Goodfellow et al., 2015, section 4).

    Args:
        radius: change of each value.
    """

    def __init__(self, radius: float = 0.1) -> None:
        super().__init__()
        self.radius = radius
        self.rises: list[float] = []

    def forward(
        self, model: MultiTask, batch: dict[str, Tensor]
    ) -> tuple[dict[str, Output], dict[str, Tensor]]:
        image = batch["image"].detach().requires_grad_()
        before = model.tried({**batch, "image": image}).sum()
        (slope,) = torch.autograd.grad(before, image)
        changed = {**batch, "image": (image + self.radius * slope.sign()).detach()}
        self.rises.append(float(model.tried(changed).sum() - before))
        return model(*model.inputs_of(changed)), changed


def test_the_default_is_one_forward_pass(
    tiny_data: Callable[..., DataModule], tiny_model: Callable[..., MultiTask]
) -> None:
    model, data = tiny_model(), tiny_data()
    data.setup()
    batch = next(iter(data.train_dataloader()))
    assert isinstance(model.training_pass, PlainPass)
    model.eval()
    outputs, same = model.training_pass(model, batch)
    assert same is batch
    wanted = model(batch["image"])
    assert all(torch.equal(outputs[name], wanted[name]) for name in wanted)


def test_losses_rise_on_what_the_pass_trains_on(
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> None:
    attack = FastGradientSign(radius=0.05)
    model = tiny_model(training_pass=attack)
    trainer().fit(model, tiny_data())
    assert len(attack.rises) == 3
    assert min(attack.rises) > 0
    # The pass is part of the recipe from which a checkpoint is rebuilt.
    recipe: Any = model.hparams["training_pass"]
    assert recipe["init_args"] == {"radius": 0.05}
    assert recipe["class_path"].endswith("FastGradientSign")


class Doubled(PlainPass):
    """A pass whose balancer would watch other losses than those that count."""

    def losses(
        self, model: MultiTask, outputs: dict[str, Output], batch: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        losses, totals = super().losses(model, outputs, batch)
        return 2 * losses, totals


def test_losses_of_ones_own_need_their_trial() -> None:
    with pytest.raises(InputError, match="Doubled overrides `losses` but not `tried`"):
        Doubled()
