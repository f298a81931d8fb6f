"""Angles: the von Mises distribution, errors on the circle, and what wraps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import ive
from scipy.stats import circstd, vonmises
from torch import Tensor
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import Angle
from multitask.tasks.mean_resultant import mean_resultant

PERIODS = pytest.mark.parametrize("period", [360.0, 180.0, 90.0])


def drawn(period: float, samples: int = 60) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = 3 * period * torch.rand(samples, generator=generator)
    target[::4] = torch.nan
    return 3 * torch.randn(samples, 2, generator=generator).double(), target.double()


def made(period: float) -> Angle:
    task = Angle(period)
    task.learn_statistics("turn", drawn(period)[1])
    return task


@PERIODS
def test_the_loss_is_scipys_density(period: float) -> None:
    output, target = drawn(period)
    known, scale = target.isfinite(), 2 * np.pi / period
    rows = output[known]
    right = -vonmises.logpdf(
        (target[known] * scale).numpy(),
        rows.norm(dim=1).numpy(),
        loc=torch.atan2(rows[:, 1], rows[:, 0]).numpy(),
    ).sum()
    output.requires_grad_()
    loss, count = made(period).loss(output, target)
    assert count == known.sum()
    assert float(loss) == pytest.approx(right, rel=1e-9)
    (gradient,) = torch.autograd.grad(loss, output)
    assert gradient.isfinite().all()
    assert (gradient[::4] == 0).all()
    assert_close(made(period).sample_loss(output, target)[0].sum(), loss)


def test_it_has_a_gradient_at_0_and_is_finite_when_it_is_sure() -> None:
    task, output = Angle(), torch.tensor([[0.0, 0.0], [1e4, 0.0]], requires_grad=True)
    losses, _ = task.sample_loss(output, torch.zeros(2))
    (gradient,) = torch.autograd.grad(losses.sum(), output)
    assert_close(gradient[0], torch.tensor([-1.0, 0.0]))
    assert float(losses[1].detach()) == pytest.approx(-3.687, abs=1e-3)
    assert task.may_be_negative


@PERIODS
def test_metrics_are_of_the_shorter_way_round(period: float) -> None:
    task, (output, target) = made(period), drawn(period)
    metrics = task.metrics()
    for rows in torch.arange(len(target)).split(7):
        task.update_metrics(metrics, output[rows], target[rows].unsqueeze(1))
    known = target.isfinite()
    apart = (task.predict(output) - target)[known].numpy()
    turns = np.stack([np.abs(apart + turn * period) for turn in range(-4, 5)]).min(0)
    found = {str(name): float(each) for name, each in metrics.compute().items()}
    assert found["mae"] == pytest.approx(turns.mean(), rel=1e-6)
    assert found["within_10"] == pytest.approx((turns <= 10).mean())
    assert found["cosine"] == pytest.approx(np.cos(turns * 2 * np.pi / period).mean(), abs=1e-6)


def test_predictions_are_in_the_range_of_the_targets() -> None:
    output = torch.tensor([[1.0, -0.01], [-1.0, 0.01], [0.0, 1.0]])
    task = made(360)
    assert_close(task.predict(output), torch.tensor([359.427, 179.427, 90.0]), rtol=1e-5, atol=0)
    task.learn_statistics("turn", torch.tensor([-170.0, 20.0]))
    assert_close(task.predict(output), torch.tensor([-0.573, 179.427, 90.0]), rtol=1e-3, atol=0)
    axis = Angle(180)
    axis.learn_statistics("axis", torch.tensor([-80.0, 20.0]))
    assert_close(axis.predict(output), torch.tensor([-0.2865, 89.713, 45.0]), rtol=1e-3, atol=0)


def test_the_deviation_is_that_of_the_distribution() -> None:
    output = torch.tensor([[0.0, 4.0]])
    found = made(180).uncertainty(output)["deviation"]
    sample = vonmises.rvs(4, size=200_000, random_state=0) / 2
    assert float(found) == pytest.approx(np.degrees(circstd(sample, high=np.pi)), rel=0.01)


def test_the_mean_resultant_is_a_ratio_of_bessel_functions() -> None:
    values = np.concatenate([np.linspace(0, 20, 400), np.logspace(1, 6, 50)])
    right = ive(1, values) / ive(0, values)
    found = mean_resultant(torch.from_numpy(values)).numpy()
    np.testing.assert_allclose(found, right, rtol=0, atol=2e-6)


def test_the_trivial_predictor_is_the_mean_direction() -> None:
    task = Angle()
    task.learn_statistics("turn", torch.tensor([350.0, 20.0, 710.0, 380.0]))
    trivial = task.trivial_output(torch.zeros(3, 2))
    assert_close(task.predict(trivial), torch.full((3,), 5.0), rtol=1e-4, atol=0)
    scores = task.uncertainty(trivial)["deviation"]
    assert float(scores[0]) == pytest.approx(15, abs=0.5)
    task.learn_statistics("turn", torch.full((9,), 30.0))
    assert task.predict(task.trivial_output(torch.zeros(1, 2))) == pytest.approx(30, abs=1e-3)


def test_words_and_columns() -> None:
    task = made(360)
    assert task.caption(torch.tensor(12.34)) == "12.3°"
    assert task.caption(torch.tensor(torch.nan)) == "?"
    assert list(task.columns("turn", torch.tensor([1.0]))) == ["turn"]
    rows = task.side_by_side(torch.tensor([1.0, 2.0]), torch.tensor([[3.0], [torch.nan]]))
    assert rows == {"target (°)": [3.0, None], "prediction (°)": [1.0, 2.0]}


def test_what_is_no_angle_is_refused() -> None:
    with pytest.raises(InputError, match="period is 400"):
        Angle(400)
    with pytest.raises(InputError, match="'turn'.*an angle needs one floating-point number"):
        Angle().check("turn", torch.zeros(3, 2), "training")
    with pytest.raises(InputError, match="sample 1 is infinite"):
        Angle().check("turn", torch.tensor([0, torch.inf]), "training")
