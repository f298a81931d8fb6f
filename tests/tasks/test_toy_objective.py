"""ToyObjective: the loss is the point's own, and the metrics say where the point is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from matplotlib.figure import Figure
from torch import Tensor
from torch.testing import assert_close

from multitask import MultiTask
from multitask.balancing import FixedWeights, GradientBalancer
from multitask.balancing.weightings import MGDA
from multitask.data import ToyStarts
from multitask.encoders import Displacement
from multitask.errors import InputError
from multitask.tasks import ToyObjective
from multitask.tasks.toy_problem import toy_front, toy_loss

NAN = float("nan")
POINTS = torch.tensor([[0.0, -8.355], [3.0, 4.0], [-2.0, -5.0]])


def measured(task: ToyObjective, points: Tensor, target: Tensor) -> dict[str, float]:
    metrics = task.metrics()
    for rows in torch.arange(len(points)).split(2):
        task.update_metrics(metrics, points[rows], target[rows])
    return {name: value.item() for name, value in metrics.compute().items()}


@pytest.mark.parametrize("mirrored", [False, True])
def test_loss_is_that_of_the_problem_times_its_scale(mirrored: bool) -> None:
    task = ToyObjective(mirrored, scale=0.1)
    total, count = task.loss(POINTS, torch.zeros(3))
    assert_close(total, 0.1 * toy_loss(POINTS, mirrored).sum())
    assert count == 3


def test_a_sample_without_a_target_counts_for_nothing() -> None:
    points = POINTS.clone().requires_grad_()
    total, count = ToyObjective().loss(points, torch.tensor([0.0, NAN, 0.0]))
    (slope,) = torch.autograd.grad(total, points)
    assert count == 2
    assert slope[1].tolist() == [0, 0]
    assert (slope[[0, 2]].norm(dim=1) > 0).all()
    found = measured(ToyObjective(), POINTS, torch.tensor([0.0, NAN, NAN]))
    assert found["value"] == pytest.approx(float(toy_loss(POINTS[0])))


def test_metrics_are_the_mean_loss_and_where_the_points_are() -> None:
    found = measured(ToyObjective(True, scale=0.5), POINTS, torch.zeros(3))
    assert found["value"] == pytest.approx(0.5 * float(toy_loss(POINTS, True).mean()))
    far = torch.cdist(POINTS.double(), toy_front()).amin(1)
    assert found["front_distance"] == pytest.approx(float(far.mean()), abs=1e-5)
    assert found["on_front"] == pytest.approx(1 / 3)
    metrics = ToyObjective().metrics()
    better = {name: bool(each.higher_is_better) for name, each in metrics.items()}
    assert better == {"value": False, "front_distance": False, "on_front": True}


@pytest.mark.parametrize(("above", "on_front"), [(0.09, 1.0), (0.11, 0.0)])
def test_closer_than_a_tenth_is_on_the_front(above: float, on_front: float) -> None:
    point = toy_front()[500] + torch.tensor([0, above])
    assert measured(ToyObjective(), point[None], torch.zeros(1))["on_front"] == on_front


def test_table_and_figure_have_the_points() -> None:
    task, axes = ToyObjective(), Figure().subplots()
    columns = task.columns("first", task.predict(POINTS))
    assert list(columns) == ["first.x1", "first.x2"]
    assert columns["first.x2"].tolist() == POINTS[:, 1].tolist()
    task.draw(axes, POINTS, torch.tensor([0.0, NAN, 0.0]))
    assert axes.collections[0].get_offsets().tolist() == POINTS[[0, 2]].tolist()
    assert_close(torch.tensor(axes.lines[0].get_xydata()), toy_front())


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: ToyObjective(scale=0), "scale is 0"),
        (lambda: ToyObjective().check("it", torch.zeros(3).long(), "test"), "'it'.*test.*int64"),
        (lambda: ToyObjective().check("it", torch.zeros(3, 2), "test"), r"shape \[3, 2\]"),
        (lambda: ToyObjective().learn_statistics("it", torch.tensor([NAN])), "'it'.*no training"),
        (lambda: ToyObjective().loss(torch.zeros(1, 3), torch.zeros(1)), "head returns 3"),
    ],
    ids=["scale", "class numbers", "vectors", "all missing", "more numbers"],
)
def test_what_does_not_fit_is_refused(wrong: Callable[[], Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        wrong()


def trained(trainer: Trainer, steps: int, **model: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """The last point from the start (-8.5, 7.5), and the test metrics."""
    data = ToyStarts(samples=steps, batch_size=1, seed=0)
    tasks = {"first": ToyObjective(scale=0.1), "second": ToyObjective(mirrored=True)}
    found = MultiTask(Displacement(2), tasks, **model)
    trainer.fit(found, data)
    trainer.test(found, data, verbose=False)
    return found.encoder(torch.tensor([[[[-8.5, 7.5]]]])).detach()[0], trainer.callback_metrics


def test_training_steps_down_the_sum_of_the_losses(trainer: Callable[..., Trainer]) -> None:
    optimizer = partial(torch.optim.SGD, lr=0.01)
    made = trainer(precision="64-true")
    point, metrics = trained(made, 3, balancer=FixedWeights(), optimizer=optimizer)
    expected = torch.tensor([-8.5, 7.5], dtype=torch.float64, requires_grad=True)
    for _ in range(3):
        loss = 0.1 * toy_loss(expected) + toy_loss(expected, mirrored=True)
        (slope,) = torch.autograd.grad(loss, expected)
        expected = (expected - 0.01 * slope).detach().requires_grad_()
    assert_close(point, expected.detach())
    assert_close(metrics["test/first/value"].double(), 0.1 * toy_loss(point), rtol=1e-6, atol=0)


def test_a_balanced_run_reaches_the_front(trainer: Callable[..., Trainer]) -> None:
    optimizer = partial(torch.optim.Adam, lr=0.05, betas=(0.9, 0.95))
    balancer = GradientBalancer(MGDA())
    point, metrics = trained(
        trainer(precision="64-true"), 600, balancer=balancer, optimizer=optimizer
    )
    assert metrics["test/score"] == 1
    assert metrics["test/second/front_distance"] < 0.1
    assert point[1] == pytest.approx(-8.3, abs=0.3)
