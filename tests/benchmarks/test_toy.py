"""Where balancing methods end on problems without data, in fewer, larger steps than the table."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Trainer
from torch import Tensor
from torch.testing import assert_close

from multitask import MultiTask
from multitask.balancing import GradientBalancer
from multitask.balancing.weightings import Nash
from multitask.data import ToyStarts
from multitask.encoders import Displacement
from multitask.tasks import ToyObjective
from multitask.tasks.toy_problem import toy_loss

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "toy.py"
FIVE = (0, 1, 2, 3, 4)

pytestmark = pytest.mark.slow


def load() -> Any:
    spec = importlib.util.spec_from_file_location("toy", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["toy"] = module
    spec.loader.exec_module(module)
    return module


toy = load()


@cache
def ends(
    method: str, scale: float = 0.1, starts: tuple[int, ...] = FIVE, steps: int = 350
) -> Tensor:
    """The last points on the toy problem after a way of 50, shape ``[starts, 2]``."""
    problem = toy.toy(scale)
    problem = replace(problem, starts=problem.starts[list(starts)])
    return toy.follow(problem, method, toy.adam(50 / steps), steps)[-1]


@cache
def path(method: str, name: str) -> Tensor:
    """The points on one of the quadratics, shape ``[steps + 1, runs, 2]``."""
    problem, learning_rate, steps = toy.QUADRATICS[name]
    return toy.follow(problem, method, partial(torch.optim.SGD, lr=learning_rate), steps)


def test_only_the_first_loss_is_scaled() -> None:
    points = torch.tensor([[3.0, 4.0], [-2.0, -5.0], [9.0, -1.0]]).double()
    expected = torch.stack([0.1 * toy_loss(points), toy_loss(points, mirrored=True)], dim=-1)
    assert_close(toy.toy(0.1).at(points), expected)


def test_a_run_of_the_study_takes_the_same_way(trainer: Callable[..., Trainer]) -> None:
    config = yaml.safe_load((FILE.parents[1] / "configs/experiment/toy.yaml").read_text())
    settings = config["model"]["optimizer"]["init_args"]
    tasks = {"first": ToyObjective(scale=0.1), "second": ToyObjective(mirrored=True)}
    model = MultiTask(
        Displacement(2), tasks, GradientBalancer(Nash()), partial(torch.optim.Adam, **settings)
    )
    data = ToyStarts(samples=100, batch_size=1, seed=3)
    trainer(precision=config["trainer"]["precision"]).fit(model, data)
    problem = replace(toy.toy(), starts=toy.toy().starts[[3]])
    path = toy.follow(problem, "Nash-MTL", toy.adam(settings["lr"]), 100)
    assert_close(problem.starts[0] + model.encoder.displacement.detach(), path[-1, 0])
    assert (path[-1] - path[0]).norm() > 0.5


@pytest.mark.parametrize("method", ["Nash-MTL", "IMTL-G", "FAMO", "MGDA"])
def test_balanced_methods_reach_the_front_from_every_start(method: str) -> None:
    assert toy.distance(ends(method), toy.toy().front).max() < 0.1


def test_equal_weights_miss_the_front_from_the_steep_start_and_else_serve_the_larger_loss() -> None:
    found = ends("equal weights", steps=2000)
    reached = toy.distance(found, toy.toy().front) < 0.1
    assert reached.tolist() == [True, True, False, True, True]
    # Where the sum of the losses is smallest: weights 0.1 and 1 of 1.1, so x1 = -7 * 0.9 / 1.1.
    assert_close(found[reached, 0], torch.full((4,), -5.73).double(), rtol=0, atol=0.05)


def test_scale_of_a_loss_does_not_move_the_end_of_nash() -> None:
    # From (9, 9): along the valleys of the other starts, steps as large as these blow up rounding.
    one, other = (ends("Nash-MTL", scale, (2,), 1000) for scale in (1.0, 0.1))
    assert_close(one, other, rtol=0, atol=1e-3)


@pytest.mark.parametrize("method", ["equal weights", "MGDA", "CAGrad"])
def test_scale_of_a_loss_moves_the_end_of_other_methods(method: str) -> None:
    small, same = (ends(method, scale, (3,)) for scale in (0.1, 1.0))
    assert toy.distance(torch.cat([small, same]), toy.toy().front).max() < 0.1
    assert (small - same).abs().max() > 0.5


def descents(method: str, name: str) -> Tensor:
    """By how much each step lowers each loss, to first order, shape ``[steps, runs, 2]``."""
    points = path(method, name)[:-1].clone().requires_grad_()
    moves = points.detach() - path(method, name)[1:]
    losses = toy.QUADRATICS[name][0].losses
    slopes = [torch.autograd.grad(loss(points).sum(), points)[0] for loss in losses]
    return torch.stack([(moves * slope).sum(-1) for slope in slopes], dim=-1)


@pytest.mark.parametrize("name", toy.QUADRATICS)
@pytest.mark.parametrize("method", ["MGDA", "IMTL-G"])
def test_methods_that_bind_all_losses_never_raise_one(method: str, name: str) -> None:
    losses = toy.QUADRATICS[name][0].at(path(method, name))
    assert losses.diff(dim=0).max() < 1e-9


@pytest.mark.parametrize("name", toy.QUADRATICS)
@pytest.mark.parametrize("method", ["UPGrad", "DualProj"])
def test_projections_hardly_step_against_a_loss(method: str, name: str) -> None:
    found = descents(method, name)
    # Not exactly zero: torchjd regularises the projection, by 1e-4 of the Gramian's trace.
    assert found.min() > -5e-3 * found.max()


@pytest.mark.parametrize("name", ["CQF", "HQF"])
def test_equal_weights_step_against_a_loss(name: str) -> None:
    found = descents("equal weights", name)
    assert found.min() < -2e-2 * found.max()


@pytest.mark.parametrize("method", ["equal weights", "PCGrad", "UPGrad", "MGDA", "IMTL-G"])
def test_ends_on_cqf_are_pareto_optimal(method: str) -> None:
    assert toy.distance(path(method, "CQF")[-1], toy.QUADRATICS["CQF"][0].front).max() < 0.03


@pytest.mark.parametrize("name", toy.QUADRATICS)
def test_equal_weights_end_at_the_least_sum(name: str) -> None:
    problem, _, _ = toy.QUADRATICS[name]
    found = path("equal weights", name)[-1].clone().requires_grad_()
    (slope,) = torch.autograd.grad(problem.at(found).sum(), found)
    assert slope.norm(dim=-1).max() < 0.01


@pytest.mark.parametrize("method", ["MGDA", "IMTL-G"])
def test_a_loss_at_its_least_stops_methods_short_of_the_front(method: str) -> None:
    found = path(method, "EWQ")[-1]
    assert found.abs().amin(-1).max() < 0.01
    assert toy.distance(found, toy.QUADRATICS["EWQ"][0].front).max() > 1
