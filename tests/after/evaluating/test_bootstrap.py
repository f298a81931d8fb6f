"""Intervals by resampling: they cover what they say, and the states are those of the metrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.regression import SpearmanCorrCoef

from multitask.after.evaluating.bootstrap import by_group, interval, p_value, resampled
from multitask.after.evaluating.merged_bins import merged
from multitask.after.evaluating.sample_states import SampleStates
from multitask.tasks import (
    Angle,
    Classification,
    Count,
    DenseRegression,
    GaussianRegression,
    MultiLabel,
    NegativeBinomial,
    Ordinal,
    QuantileRegression,
    Regression,
    Segmentation,
    Task,
)
from multitask.tasks.output import rows_of

SAMPLES = 40


class Distance(Task):
    """A task of somebody's own: one metric is a sum over samples, another is not."""

    out_features = 2

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        known = self.known(target)
        each = torch.where(known, (output.sum(1) - target).abs(), 0.0)
        return each.sum(), known.sum().to(output.dtype)

    def predict(self, output: Tensor) -> Tensor:
        return output.float().sum(1)

    def metrics(self) -> MetricCollection:
        return MetricCollection({"far": MeanMetric(), "rank": SpearmanCorrCoef()})

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        known = self.known(target)
        if known.any():
            prediction = self.predict(output)[known]
            metrics["far"].update((prediction - target[known]).abs())
            metrics["rank"].update(prediction, target[known])


class Weighted(Classification):
    """A classification whose loss is somebody's own."""

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        known = self.known(target)
        each = torch.where(known, output.exp().sum(1), 0.0)
        return each.sum(), 2.0 * known.sum()


def with_gaps(values: Tensor, mark: float) -> Tensor:
    flat = values.clone().flatten()
    flat[::5] = mark
    return flat.view_as(values)


def cases() -> dict[str, tuple[Task, Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    kinds = torch.randint(3, (SAMPLES,), generator=generator)
    kinds[kinds == 2] = 0
    pixels = torch.randint(3, (SAMPLES, 4, 4), generator=generator)
    numbers = with_gaps(100 + 10 * drawn(SAMPLES, 2), float("nan"))
    common = Regression(2, scale="common")
    common.learn_statistics("common", numbers)
    calibrated, spreads, quantiles = (
        each(2) for each in (Regression, GaussianRegression, QuantileRegression)
    )
    for each in (calibrated, spreads, quantiles):
        each.learn_statistics("number", numbers)
    calibrated.take_calibration({"spread": [5.0, 9.0], "quantile": [9.0, 4.0], "level": 0.9})
    known = with_gaps(kinds, -100)
    counts = with_gaps(
        torch.poisson(3 * drawn(SAMPLES, 2).abs(), generator=generator), float("nan")
    )
    several = Count(2), NegativeBinomial(2)
    for task in several:
        task.learn_statistics("counts", counts)
    angles = with_gaps(360 * drawn(SAMPLES), float("nan"))
    return {
        "classes": (Classification(3, class_weights=[1.0, 2.0, 0.5]), drawn(SAMPLES, 3), known),
        "own loss": (Weighted(3), drawn(SAMPLES, 3), known),
        "number": (Regression(), drawn(SAMPLES, 1), with_gaps(drawn(SAMPLES), float("nan"))),
        "numbers": (common, drawn(SAMPLES, 2), numbers),
        "pixels": (Segmentation(3), drawn(SAMPLES, 3, 4, 4), with_gaps(pixels, -100)),
        "map": (
            DenseRegression(),
            drawn(SAMPLES, 1, 4, 4),
            with_gaps(drawn(SAMPLES, 4, 4), float("nan")),
        ),
        "calibrated": (calibrated, drawn(SAMPLES, 2), numbers),
        "spreads": (spreads, drawn(SAMPLES, 4), numbers),
        "quantiles": (quantiles, drawn(SAMPLES, 6), numbers),
        "order": (Ordinal(3), drawn(SAMPLES, 2), known),
        "counts": (several[0], drawn(SAMPLES, 2), counts),
        "counts that vary more": (several[1], drawn(SAMPLES, 4), counts),
        "angle": (Angle(), drawn(SAMPLES, 2), angles),
        "own": (Distance(), drawn(SAMPLES, 2), with_gaps(drawn(SAMPLES), float("nan"))),
    }


def states_of(task: Task, output: Tensor, target: Tensor) -> SampleStates:
    states = SampleStates(task)
    for places in torch.arange(len(target)).split(16):
        states.update(rows_of(output, places), target[places])
    return states


@pytest.mark.parametrize("task", [Classification(3), Ordinal(3)])
def test_the_loss_is_that_of_the_calibrated_probabilities(task: Task) -> None:
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(SAMPLES, task.out_features, generator=generator)
    target = torch.arange(SAMPLES) % 3
    task.take_calibration({"temperature": 0.4})
    chosen = task.predict(output).double()[torch.arange(SAMPLES), target]
    wanted = -chosen.log().numpy()
    assert states_of(task, output, target).losses == pytest.approx(wanted, rel=1e-4, abs=1e-6)


def test_the_loss_of_several_labels_is_calibrated() -> None:
    task, target = MultiLabel(["a", "b"]), torch.ones(SAMPLES, 2, dtype=torch.int64)
    output = torch.randn(SAMPLES, 2, generator=torch.Generator().manual_seed(0))
    task.take_calibration({"temperature": 0.4})
    wanted = -task.predict(output).double().log().mean(1)
    assert states_of(task, output, target).losses == pytest.approx(wanted.numpy(), rel=1e-4)


@pytest.mark.parametrize("name", cases())
def test_states_add_up_to_the_metrics_of_any_samples(name: str) -> None:
    task, output, target = cases()[name]
    states = states_of(task, output, target)
    drawn = torch.arange(SAMPLES)[task.known(target)]
    counts = np.random.default_rng(0).multinomial(len(drawn), np.full(len(drawn), 1 / len(drawn)))
    chosen = drawn.repeat_interleave(torch.from_numpy(counts))
    metrics = task.metrics()
    task.update_metrics(metrics, output[chosen], target[chosen])
    found = states.values(counts @ states.rows())
    for metric, value in metrics.compute().items():
        if metric in states.resampled:
            assert found[metric] == pytest.approx(float(value), rel=1e-5), metric
    sums, weights = task.loss(output[chosen], target[chosen])
    assert found["loss"] == pytest.approx(float(sums / weights), rel=1e-5)


def test_a_metric_that_is_no_sum_is_left_out() -> None:
    states = states_of(*cases()["own"])
    assert states.resampled == ["far", "loss"]
    assert set(resampled(states, resamples=3)) == {"far", "loss"}


@pytest.mark.parametrize("name", cases())
def test_fast_losses_are_those_of_single_samples(name: str) -> None:
    task, output, target = cases()[name]
    slow = Task.sample_loss(task, output, target)
    for one, other in zip(task.sample_loss(output, target), slow, strict=True):
        torch.testing.assert_close(one, other)
    assert [len(each) for each in task.sample_loss(output[:0], target[:0])] == [0, 0]


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng, covered = np.random.default_rng(0), 0
    for number in range(60):
        output = torch.from_numpy(rng.exponential(1, (80, 1))).float()
        states = states_of(Regression(scale="none"), output, torch.zeros(80))
        found = interval(resampled(states, resamples=100, seed=number)["mae"], 80)
        assert not isinstance(found, str)
        covered += found[0] <= 1 <= found[1]
    # 57 are expected.
    assert covered >= 50


def test_the_same_seed_draws_the_same_samples() -> None:
    states = states_of(*cases()["number"])
    one, two, other = (resampled(states, resamples=5, seed=seed)["mae"] for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()


def test_merged_bins_change_no_digit() -> None:
    torch.manual_seed(0)
    states = states_of(Classification(7), torch.randn(SAMPLES, 7), torch.arange(SAMPLES) % 6)
    rows = states.rows()
    fewer, layout = merged(rows, states.layout, states.metrics)
    assert fewer.shape[1] < rows.shape[1] / 10
    for counts in np.random.default_rng(0).poisson(1.0, (20, SAMPLES)).astype(np.float64):
        wanted = states.values(counts @ rows)
        np.testing.assert_equal(states.values(counts @ fewer, layout), wanted)


def test_groups_are_added_up_whatever_their_numbers_are() -> None:
    states = states_of(*cases()["number"])
    groups = np.arange(SAMPLES) // 4 * 1000 + 7
    rows = by_group(states, groups)
    assert rows.shape[0] == SAMPLES // 4
    np.testing.assert_allclose(rows.sum(0), states.rows().sum(0))
    assert resampled(states, np.zeros(SAMPLES, np.int64)) == {}


def test_what_says_nothing_is_not_an_interval() -> None:
    ok = np.linspace(0, 1, 100)
    assert interval(ok, 50) == pytest.approx((0.025, 0.975))
    assert "it needs at least 10" in str(interval(ok, 9))
    assert "same in every" in str(interval(np.ones(100), 50))
    some = np.where(np.arange(100) < 20, np.nan, ok)
    assert interval(some, 50) == "no interval: undefined in 20 of 100 resamples"
    assert isinstance(interval(np.zeros(0), 50), str)


def test_p_values_are_of_both_sides() -> None:
    assert p_value(np.ones(1999)) == pytest.approx(0.001)
    assert p_value(-np.ones(1999)) == pytest.approx(0.001)
    assert p_value(np.zeros(99)) == 1
    assert p_value(np.linspace(-1, 1, 1000)) == pytest.approx(1, abs=0.01)
    assert np.isnan(p_value(np.full(5, np.nan)))
