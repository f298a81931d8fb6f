"""Counts, against scikit-learn and scipy; missing elements, and counts of any size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import nbinom
from sklearn.metrics import d2_tweedie_score, mean_absolute_error, mean_poisson_deviance
from torch import Tensor
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import Count, NegativeBinomial

KINDS = [Count, NegativeBinomial]


def counts(samples: int = 60, scale: float = 4.0, missing: bool = True) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    rates = scale * torch.rand(samples, 2, generator=generator)
    values = torch.poisson(rates, generator=generator)
    if missing:
        values[::3, 0] = torch.nan
        values[4] = torch.nan
    return values


def made(
    kind: Callable[..., Count] = Count, target: Tensor | None = None, **options: bool
) -> Count:
    task = kind(size=2, **options)
    task.learn_statistics("cells", counts() if target is None else target)
    return task.double()


def outputs(task: Count, samples: int = 60) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(samples, task.out_features, generator=generator).double()


@pytest.mark.parametrize("scale", [0.3, 4.0, 3e4])
def test_the_loss_is_half_of_scikit_learns_deviance(scale: float) -> None:
    target = counts(scale=scale)
    for standardise in (False, True):
        task = made(target=target, standardise=standardise)
        output = outputs(task) * 0.3
        rate, known = task.predict(output.double()), target.isfinite()
        right = 0.0
        for element in range(2):
            rows = known[:, element]
            true, found = target[rows, element], rate[rows, element]
            mean = torch.full_like(true, float(true.mean()))
            half = mean_poisson_deviance(true, found.numpy()) / 2
            trivial = mean_poisson_deviance(true, mean) / 2
            right += float(rows.sum()) * (half / trivial if standardise else half)
        loss, count = task.loss(output, target)
        assert count == known.sum()
        assert float(loss) == pytest.approx(right, rel=1e-5)


@pytest.mark.parametrize("scale", [0.3, 4.0, 3e4])
@pytest.mark.parametrize("kind", KINDS)
def test_metrics_are_scikit_learns(kind: Callable[..., Count], scale: float) -> None:
    target = counts(scale=scale)
    # The training mean is another one.
    task = made(kind, counts(scale=1.3 * scale, samples=30))
    output = outputs(task) * 0.3
    rate, known = task.predict(output), target.isfinite()
    metrics = task.metrics().set_dtype(torch.float64)
    for rows in torch.arange(len(target)).split(7):
        task.update_metrics(metrics, output[rows], target[rows])
    found = {str(name): float(each) for name, each in metrics.compute().items()}
    pairs = [(target[known[:, n], n].numpy(), rate[known[:, n], n].numpy()) for n in range(2)]
    right = np.mean([d2_tweedie_score(*pair, power=1) for pair in pairs])
    assert found["d2"] == pytest.approx(right, rel=1e-6, abs=1e-6)
    mae = mean_absolute_error(target[known], rate[known])
    assert found["mae"] == pytest.approx(mae, rel=1e-5)


def test_the_negative_binomial_is_scipys() -> None:
    task, target = made(NegativeBinomial), counts()
    output, known = outputs(task), counts().isfinite()
    rate, variance = task.predict(output), task.variance(output)  # type: ignore[attr-defined]
    share = (rate / variance)[known].numpy()
    size = (rate.square() / (variance - rate))[known].numpy()
    right = -nbinom.logpmf(target[known].numpy(), size, share).sum()
    loss, count = task.loss(output, target)
    assert count == known.sum()
    assert float(loss) == pytest.approx(right, rel=1e-6)
    deviation = task.uncertainty(output)["deviation"]
    assert_close(deviation, variance.sqrt())


@pytest.mark.parametrize("kind", KINDS)
def test_missing_and_empty_counts_have_no_gradient_that_is_nan(kind: Callable[..., Count]) -> None:
    task, target = made(kind), counts()
    target[1] = 0
    output = outputs(task).requires_grad_()
    loss, _ = task.loss(output, target)
    (gradient,) = torch.autograd.grad(loss, output)
    assert gradient.isfinite().all()
    assert (gradient[4] == 0).all()
    losses = task.sample_loss(output, target)[0]
    assert (losses >= 0).all()
    assert_close(losses.sum(), loss)
    wild = task.loss(1000 * output, target)[0]
    assert wild.isfinite()
    assert [float(each) for each in task.loss(output, target * torch.nan)] == [0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_trivial_predictor_is_the_mean_rate(kind: Callable[..., Count]) -> None:
    task = made(kind)
    trivial = task.trivial_output(outputs(task))
    assert_close(task.predict(trivial)[0], counts().double().nanmean(0))
    metrics = task.metrics()
    task.update_metrics(metrics, trivial, counts())
    assert float(metrics["d2"].compute()) == pytest.approx(0, abs=1e-6)
    if kind is Count:
        loss, count = task.loss(trivial, counts())
        assert float(loss / count) == pytest.approx(1, rel=1e-6)


def test_counts_that_are_all_0_are_learnt() -> None:
    task = Count()
    task.learn_statistics("none", torch.zeros(9))
    assert float(task.predict(task.trivial_output(torch.ones(1, 1)))) < 1e-8
    assert task.loss(torch.zeros(9, 1), torch.zeros(9))[0].isfinite()


def test_intervals_do_not_go_below_0() -> None:
    for kind in KINDS:
        task = made(kind)
        output, target = outputs(task), counts()
        told = task.fit_calibration(output, target, 0.9)
        task.take_calibration(told)
        found = task.uncertainty(output)
        inside = (found["low"] <= target) & (target <= found["high"])
        assert float(inside[target.isfinite()].float().mean()) == pytest.approx(0.9, abs=0.06)
        assert (found["low"] >= 0).all()


def test_a_count_below_0_is_refused() -> None:
    target = counts()
    target[7, 1] = -2
    with pytest.raises(InputError, match="'cells': the target of training sample 7 is -2; a count"):
        made(target=target)
