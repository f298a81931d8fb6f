"""Losses as with other weights, without a trace."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.testing import assert_close
from torchjd.scalarization import FAMO

from multitask import InputError, MultiTask
from multitask.balancing import GradientBalancer, Scalarized
from multitask.balancing.weightings import MGDA
from multitask.data import DataModule
from multitask.encoders import Encoder
from multitask.tasks import Classification, Regression


class Noisy(Encoder):
    """Batch normalisation, whose buffers a pass changes, and dropout, which draws numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.out_features = 6
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(12, 6), nn.BatchNorm1d(6), nn.Dropout(0.5)
        )

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


def model(**options: Any) -> MultiTask:
    torch.manual_seed(0)
    tasks = {"kind": Classification(3), "size": Regression()}
    return MultiTask(Noisy(), tasks, GradientBalancer(MGDA()), **options)


def batch() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "image": torch.rand(8, 1, 3, 4, generator=generator),
        "kind": torch.arange(8) % 3,
        "size": torch.rand(8, generator=generator),
    }


def everything(found: MultiTask) -> dict[str, Any]:
    kept = found.state_dict().items()
    state = {name: each.clone() for name, each in kept if torch.is_tensor(each)}
    gradients = {f"{name}.grad": each.grad for name, each in found.named_parameters()}
    return {**state, **gradients, "random": torch.get_rng_state()}


def test_a_trial_leaves_no_trace() -> None:
    found = model()
    balancer: Any = found.balancer
    seen: list[object] = []
    found.views.watchers.append(seen.append)
    before = everything(found)
    losses = found.tried(batch())
    torch.autograd.grad(losses.sum(), list(found.encoder.parameters()))
    after = everything(found)
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert value is after[name] or torch.equal(value, after[name]), name
    assert seen == []
    assert balancer.batches == 0
    # What comes after it is seen again.
    found.losses(found(batch()["image"]), batch())[0].sum().backward()
    assert len(seen) == balancer.batches == 1


def test_a_trial_draws_what_the_pass_after_it_draws() -> None:
    found = model()
    tried = found.tried(batch())
    losses, _ = found.losses(found(batch()["image"]), batch())
    assert torch.equal(tried, losses)


def test_an_error_in_a_trial_leaves_no_trace_either() -> None:
    found, wrong = model(), {**batch(), "image": torch.rand(8, 1, 9, 9)}
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError):
        found.tried(wrong)
    assert found.views.is_open
    assert torch.equal(before, torch.get_rng_state())


def test_other_weights_take_the_place_of_the_models_own() -> None:
    found, other = model(), model()
    with torch.no_grad():
        for each in other.parameters():
            each.add_(0.1)
    tried = found.tried(batch(), dict(other.named_parameters()))
    assert_close(tried, other.tried(batch()))
    weights = {
        name: each.detach().requires_grad_() for name, each in found.encoder.named_parameters()
    }
    named = {f"encoder.{name}": each for name, each in weights.items()}
    slopes = torch.autograd.grad(found.tried(batch(), named).sum(), list(weights.values()))
    own = torch.autograd.grad(found.tried(batch()).sum(), list(found.encoder.parameters()))
    assert all(torch.equal(one, two) for one, two in zip(slopes, own, strict=True))


def test_a_name_that_is_not_a_parameters_is_refused() -> None:
    found = model()
    words = r"no parameter 'encoder\.layers\.1\.wait'; did you mean 'encoder\.layers\.1\.weight'"
    with pytest.raises(InputError, match=words):
        found.tried(batch(), {"encoder.layers.1.wait": torch.zeros(1)})


def test_a_trial_is_differentiable_by_the_inputs() -> None:
    image = batch()["image"].requires_grad_()
    (slope,) = torch.autograd.grad(model().tried({**batch(), "image": image}).sum(), image)
    assert float(slope.abs().sum()) > 0


def test_the_type_of_a_callable_is_kept() -> None:
    factory: Callable[..., Any] = partial(torch.optim.SGD, lr=0.1)
    assert model(optimizer=factory).optimizer.make is factory


def test_a_balancer_that_looks_after_the_step_moves_averages_once(
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> None:
    found = tiny_model(balancer=Scalarized(FAMO(2)))
    trainer(limit_val_batches=0).fit(found, tiny_data())
    norms = [each for each in found.encoder.modules() if isinstance(each, nn.BatchNorm1d)]
    assert [int(each.num_batches_tracked) for each in norms] == [3] * len(norms) != []
