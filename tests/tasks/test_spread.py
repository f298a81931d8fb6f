"""Regressions that learn how far off they are: losses, original units, missing elements."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from scipy.stats import norm
from sklearn.metrics import mean_pinball_loss
from torch import Tensor
from torch.nn.functional import gaussian_nll_loss
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import GaussianRegression, QuantileRegression, Regression
from multitask.tasks.predictions import predicted

NAN = float("nan")
KINDS = [GaussianRegression, QuantileRegression]


def targets(missing: bool = True, samples: int = 50) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(samples, 2, generator=generator) * torch.tensor([3.0, 0.2]) + 50
    if missing:
        values[::3, 0] = NAN
        values[4] = NAN
    return values


def fitted(kind: Callable[..., Regression], missing: bool = True, **options: Any) -> Regression:
    task = kind(size=2, **options)
    task.learn_statistics("pos", targets(missing))
    return task


def outputs(task: Regression, samples: int = 50) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(samples, task.out_features, generator=generator)


def metrics_of(task: Regression, output: Tensor, target: Tensor) -> dict[str, float]:
    metrics = task.metrics()
    task.update_metrics(metrics, output, target)
    return {str(name): float(each) for name, each in metrics.compute().items()}


def test_the_likelihood_is_torchs_in_original_units() -> None:
    task, target = fitted(GaussianRegression, missing=False), targets(missing=False)
    output = outputs(task)
    found = predicted({"pos": task}, {"pos": output})
    variance = found["pos.deviation"].square()
    right = gaussian_nll_loss(found["pos"], target, variance, full=True, eps=1e-12)
    assert metrics_of(task, output, target)["nll"] == pytest.approx(float(right), rel=1e-5)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_beta_weighs_by_the_variance_without_a_gradient(beta: float) -> None:
    task = fitted(GaussianRegression, missing=False, beta=beta)
    goal = ((targets(missing=False) - task.mean) / task.deviation).flatten()
    output = outputs(task).requires_grad_()
    mean, raw = output[:, :2].flatten(), output[:, 2:].flatten()
    variance = (20 * (raw / 20).tanh()).exp()
    each = gaussian_nll_loss(mean, goal, variance, eps=1e-12, reduction="none")
    right = (variance.detach() ** beta * each).sum()
    loss, count = task.loss(output, targets(missing=False))
    assert count == 100
    assert_close(loss, right)
    for found, expected in zip(
        *(torch.autograd.grad(x, output) for x in (loss, right)), strict=True
    ):
        assert_close(found, expected)


def test_the_pinball_loss_is_sklearns_and_quantiles_never_cross() -> None:
    levels = [0.1, 0.25, 0.5, 0.9]
    task = fitted(QuantileRegression, missing=False, quantiles=levels)
    output, target = outputs(task) * 30, targets(missing=False)
    standardised = task._standardised(output)  # type: ignore[attr-defined]
    assert (standardised.diff(dim=1) >= 0).all()
    goal = (target - task.mean) / task.deviation
    right = np.mean(
        [mean_pinball_loss(goal, standardised[:, n], alpha=each) for n, each in enumerate(levels)]
    )
    loss, count = task.loss(output, target)
    assert float(loss / count) == pytest.approx(right, rel=1e-5)
    found = predicted({"pos": task}, {"pos": output})
    assert_close(found["pos"], standardised[:, 2] * task.deviation + task.mean)
    assert (found["pos.low"] <= found["pos"]).all()
    assert (found["pos"] <= found["pos.high"]).all()


def test_the_share_of_the_pinball_loss_is_scikit_learns_with_the_training_quantiles() -> None:
    levels = [0.1, 0.25, 0.5, 0.9]
    task, target = fitted(QuantileRegression, quantiles=levels), targets()
    output, shares = outputs(task), []
    found = task._standardised(output)  # type: ignore[attr-defined]
    for element in range(2):
        known = target[:, element].isfinite()
        goal = ((target - task.mean) / task.deviation)[known, element]
        pairs = [(found[known, n, element], each) for n, each in enumerate(levels)]
        ours = sum(mean_pinball_loss(goal, values, alpha=each) for values, each in pairs)
        constants = [torch.full_like(goal, np.quantile(goal, each)) for each in levels]
        theirs = sum(
            mean_pinball_loss(goal, values, alpha=each)
            for values, each in zip(constants, levels, strict=True)
        )
        shares.append(1 - ours / theirs)
    assert metrics_of(task, output, target)["d2"] == pytest.approx(np.mean(shares), rel=1e-5)
    trivial = task.trivial_output(output)
    assert metrics_of(task, trivial, target)["d2"] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_missing_elements_do_not_count(kind: Callable[..., Regression]) -> None:
    task, target = fitted(kind), targets()
    output = outputs(task).requires_grad_()
    loss, count = task.loss(output, target)
    known = target.isfinite()
    assert count == known.sum()
    (gradient,) = torch.autograd.grad(loss, output)
    assert gradient.isfinite().all()
    assert (gradient[4] == 0).all()
    assert_close(task.sample_loss(output, target)[0].sum(), loss)
    found = predicted({"pos": task}, {"pos": output.detach()})
    inside = (found["pos.low"] <= target) & (target <= found["pos.high"])
    values = metrics_of(task, output.detach(), target)
    assert values["coverage"] == pytest.approx(float(inside[known].float().mean()))
    width = (found["pos.high"] - found["pos.low"])[known].mean()
    assert values["interval_width"] == pytest.approx(float(width), rel=1e-5)
    nothing = task.loss(output, torch.full_like(target, NAN))
    assert [float(each) for each in nothing] == [0, 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", ["element", "common", "none"])
def test_the_trivial_predictor_knows_the_targets_spread(
    kind: Callable[..., Regression], scale: str
) -> None:
    task, target = fitted(kind, scale=scale), targets()
    found = predicted({"pos": task}, {"pos": task.trivial_output(outputs(task))})
    known = target.numpy()
    if kind is GaussianRegression:
        middle, ends = np.nanmean(known, 0), norm.ppf(0.95) * np.nanstd(known, 0)
        low, high = middle - ends, middle + ends
    else:
        low, middle, high = np.nanquantile(known, [0.05, 0.5, 0.95], axis=0)
    for name, right in {"pos": middle, "pos.low": low, "pos.high": high}.items():
        np.testing.assert_allclose(found[name][7], right, rtol=1e-4)


def test_they_are_learnt() -> None:
    """A spread that grows with the input is found by both."""
    torch.manual_seed(0)
    inputs = torch.rand(2000, 1)
    target = 100 + 50 * inputs + 20 * inputs * torch.randn(2000, 1)
    for kind in KINDS:
        task = kind()
        task.learn_statistics("size", target)
        torch.manual_seed(0)
        hidden = torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, task.out_features)
        network = torch.nn.Sequential(*hidden)
        optimizer = torch.optim.Adam(network.parameters(), 0.03)
        for _ in range(300):
            optimizer.zero_grad()
            total, count = task.loss(network(inputs), target)
            (total / count).backward()
            optimizer.step()
        with torch.no_grad():
            found = predicted({"size": task}, {"size": network(torch.tensor([[0.2], [0.9]]))})
        widths = (found["size.high"] - found["size.low"]).flatten()
        assert_close(widths, 2 * norm.ppf(0.95) * 20 * torch.tensor([0.2, 0.9]), rtol=0.25, atol=0)
        assert metrics_of(task, network(inputs).detach(), target)["coverage"] == pytest.approx(
            0.9, abs=0.03
        )


def test_a_variance_stays_finite_whatever_the_head_returns() -> None:
    task = GaussianRegression()
    output = torch.tensor([[0.0, 1e6], [0.0, -1e6]], requires_grad=True)
    loss, _ = task.loss(output, torch.tensor([1.0, 1.0]))
    assert loss.isfinite()
    assert torch.autograd.grad(loss, output)[0].isfinite().all()
    assert all(each.isfinite().all() for each in task.uncertainty(output).values())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (partial(GaussianRegression, beta=1.5), "beta is 1.5"),
        (partial(GaussianRegression, beta=NAN), "beta is nan"),
        (partial(QuantileRegression, quantiles=[0.05, 0.95]), "with 0.5"),
        (partial(QuantileRegression, quantiles=[0.5]), "on either side"),
        (partial(QuantileRegression, quantiles=[0.9, 0.5, 0.1]), "increasing"),
        (partial(QuantileRegression, quantiles=[0.0, 0.5, 0.9]), "between 0 and 1"),
        (partial(QuantileRegression, quantiles=[]), "increasing"),
    ],
)
def test_settings_that_cannot_be_are_refused(make: Callable[[], Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        make()


def test_they_train_and_are_tested(
    tiny_data: Callable[..., Any], tiny_model: Callable[..., Any], trainer: Callable[..., Trainer]
) -> None:
    tasks = {"kind": QuantileRegression(), "size": GaussianRegression()}
    numbers = torch.arange(24.0)
    data = tiny_data(changed={split: {"kind": numbers} for split in ("train", "val", "test")})
    model = tiny_model(tasks=tasks)
    fitted = trainer(max_steps=3)
    fitted.fit(model, data)
    fitted.test(model, data, verbose=False)
    values = fitted.callback_metrics
    for name in ("size/nll", "size/coverage", "kind/interval_width", "size/r2"):
        assert values[f"test/{name}"].isfinite()
        assert values[f"trivial/{name}"].isfinite()
    assert values["trivial/size/coverage"] == pytest.approx(0.9, abs=0.11)
