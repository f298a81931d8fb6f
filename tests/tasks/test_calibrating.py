"""Calibrations are fitted as their papers say: a temperature, conformal quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import brier_score_loss, log_loss
from torch import Tensor
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import (
    Classification,
    DenseRegression,
    GaussianRegression,
    QuantileRegression,
    Regression,
    Segmentation,
    Task,
)
from multitask.tasks.conformal import conformal_quantile
from multitask.tasks.temperature import fitted_temperature

NAN = float("nan")


def logits(samples: int = 400, sharpness: float = 3.0) -> tuple[Tensor, Tensor]:
    """Logits that are ``sharpness`` times too large, and classes."""
    generator = torch.Generator().manual_seed(0)
    right = torch.randn(samples, 4, generator=generator) * 2
    label = right.softmax(1).multinomial(1, generator=generator)[:, 0]
    return sharpness * right, label


class Given(ClassifierMixin, BaseEstimator):
    """Whose decisions are its inputs."""

    classes_ = np.arange(4)

    def fit(self, *_: Any) -> Given:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def decision_function(self, inputs: Any) -> Any:
        return inputs

    def predict(self, inputs: Any) -> Any:
        return inputs.argmax(1)


def test_the_temperature_is_the_minimum() -> None:
    output, label = logits()
    found = fitted_temperature(output, label)

    def loss(log_temperature: float) -> float:
        scaled = output.double() / np.exp(log_temperature)
        return float(torch.nn.functional.cross_entropy(scaled, label))

    right = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-8})
    assert found == pytest.approx(np.exp(right.x), rel=1e-5)


def test_the_temperature_is_sklearns() -> None:
    pytest.importorskip("sklearn", minversion="1.8", reason="older ones fit no temperature")
    output, label = logits()
    found = fitted_temperature(output, label)
    calibrated = CalibratedClassifierCV(FrozenEstimator(Given()), method="temperature")
    calibrated.fit(output.numpy(), label.numpy())
    theirs = calibrated.predict_proba(output.numpy())
    np.testing.assert_allclose((output / found).softmax(1), theirs, atol=1e-3)
    # The truth, as far as 400 samples tell.
    assert found == pytest.approx(3, rel=0.15)


def test_a_sure_pooled_model_has_a_temperature_too() -> None:
    """A class that no member gives a probability has the logit minus infinity."""
    output, label = logits()
    is_right = torch.nn.functional.one_hot(label, 4).bool()
    found = fitted_temperature(output.where((output > -6) | is_right, -torch.inf), label)
    assert found == pytest.approx(fitted_temperature(output, label), rel=0.1)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (torch.eye(4)[torch.arange(40) % 4], "100% of its 40 labels are predicted correctly"),
        (-torch.eye(4)[torch.arange(40) % 4], "0% of its 40 labels"),
        (torch.zeros(40, 4), "no best temperature"),
        (torch.full((40, 4), NAN), "not finite"),
    ],
)
def test_labels_that_fit_no_temperature_are_refused(output: Tensor, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        fitted_temperature(output, torch.arange(40) % 4)


def test_nll_and_brier_are_sklearns() -> None:
    output, label = logits(300)
    task = Classification(4)
    for temperature in (1.0, 3.0):
        task.take_calibration({"temperature": temperature})
        metrics = task.metrics()
        for part in torch.arange(300).split(70):
            target = label[part].clone()
            target[0] = -100
            task.update_metrics(metrics, output[part], target)
        known = torch.arange(300) % 70 > 0
        probabilities = task.predict(output)[known].double().numpy()
        probabilities /= probabilities.sum(1, keepdims=True)
        assert float(metrics["nll"].compute()) == pytest.approx(
            log_loss(label[known], probabilities), rel=1e-5
        )
        assert float(metrics["brier"].compute()) == pytest.approx(
            brier_score_loss(label[known], probabilities, scale_by_half=False), rel=1e-5
        )


def test_a_probability_of_zero_keeps_the_nll_finite() -> None:
    metrics = Classification(2).metrics()
    Classification(2).update_metrics(metrics, torch.tensor([[500.0, 0.0]]), torch.tensor([1]))
    assert float(metrics["nll"].compute()) == pytest.approx(-np.log(1.1754944e-38))


@pytest.mark.parametrize(
    ("count", "level", "rank"),
    [(9, 0.9, 9), (10, 0.9, 10), (19, 0.9, 18), (99, 0.9, 90), (19, 0.55, 11), (3, 0.1, 1)],
)
def test_the_conformal_quantile_has_the_rank_of_the_theorem(
    count: int, level: float, rank: int
) -> None:
    assert conformal_quantile(torch.randperm(count) + 1.0, level) == rank


def test_too_few_labels_for_an_interval_are_refused() -> None:
    with pytest.raises(InputError, match=r"needs at least 9 labels, but it has 8"):
        conformal_quantile(torch.zeros(8), 0.9)
    with pytest.raises(InputError, match=r"needs at least 99 labels"):
        Regression().fit_calibration(torch.zeros(40, 1), torch.zeros(40), 0.99)
    target = torch.zeros(40, 2)
    target[:, 1] = torch.nan
    with pytest.raises(InputError, match=r"element 1 \(from 0\): .* needs at least 9"):
        Regression(2).fit_calibration(torch.zeros(40, 2), target, 0.9)


def samples(task: Regression, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Outputs that are right up to errors with heavy tails, of which half are missing."""
    generator = torch.Generator().manual_seed(seed)
    output = torch.randn(count, task.out_features, generator=generator)
    error = torch.randn(count, 2, generator=generator) ** 3 * torch.tensor([1.0, 7.0])
    target = task.predict(output) + error
    target[torch.rand(count, 2, generator=generator) < 0.5] = NAN
    return output, target


@pytest.mark.parametrize("kind", [Regression, GaussianRegression, QuantileRegression])
@pytest.mark.parametrize("level", [0.8, 0.9])
def test_intervals_cover_the_share_that_they_say(kind: Any, level: float) -> None:
    task = kind(2)
    task.learn_statistics("pos", torch.randn(50, 2) * 3 + 50)
    told = task.fit_calibration(*samples(task, 2000, 1), level)
    task.take_calibration(told)
    output, target = samples(task, 4000, 2)
    known = target.isfinite()
    found = task.uncertainty(output)
    inside = (found["low"] <= target) & (target <= found["high"])
    for element in range(2):
        covered = inside[:, element][known[:, element]].float().mean()
        assert float(covered) == pytest.approx(level, abs=0.03)
    metrics = task.metrics()
    task.update_metrics(metrics, output, target)
    assert float(metrics["coverage"].compute()) == pytest.approx(
        float(inside[known].float().mean())
    )
    assert task.level == level


def test_narrowed_quantiles_do_not_cross() -> None:
    task = QuantileRegression()
    task.take_calibration({"quantile": [-100.0], "level": 0.9})
    found = task.uncertainty(torch.zeros(1, 3))
    assert_close(found["low"], found["high"])


def test_maps_of_classes_have_one_temperature_and_maps_of_numbers_none() -> None:
    output, label = logits(4 * 5 * 20)
    maps = output.view(20, 4, 5, 4).movedim(3, 1)
    task: Task = Segmentation(4)
    told = task.fit_calibration(maps, label.view(20, 4, 5), 0.9)
    assert told == {"temperature": fitted_temperature(output, label)}
    assert DenseRegression().fit_calibration(maps, maps, 0.9) is None


class Squared(Classification):
    def predict(self, output: Tensor) -> Tensor:
        return output.square()


def test_somebody_elses_probabilities_are_left_alone() -> None:
    assert Squared(4).fit_calibration(*logits(), 0.9) is None
