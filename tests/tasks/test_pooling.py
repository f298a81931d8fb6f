"""An ensemble's output is the mean of what its members predict, by the formulas of the papers."""

from __future__ import annotations

import pytest
import torch
from after.made_models import number
from scipy.stats import entropy
from torch import Tensor
from torch.testing import assert_close

from multitask.tasks import (
    Angle,
    Box,
    Classification,
    Count,
    DenseRegression,
    GaussianRegression,
    Hazard,
    HeatMaps,
    NegativeBinomial,
    Ordinal,
    QuantileRegression,
    Regression,
    Segmentation,
    Task,
)
from multitask.tasks.pooling import Pool

MEMBERS = 3


def pooled(task: Task, members: list[Task], outputs: list[Tensor]) -> Pool:
    pool = task.pool()
    assert pool is not None
    for member, output in zip(members, outputs, strict=True):
        pool.add(member, output)
    return pool


def of_classes(task: Classification, *shape: int) -> tuple[Pool, Tensor]:
    """A pool, and the members' probabilities, ``[members, batch, classes, ...]``."""
    outputs = [3 * torch.randn(5, 4, *shape) for _ in range(MEMBERS)]
    return pooled(task, [task] * MEMBERS, outputs), torch.stack([o.softmax(1) for o in outputs])


def test_classes_are_the_mean_of_probabilities_and_not_of_logits() -> None:
    task = Classification(4)
    pool, each = of_classes(task)
    assert_close(task.predict(pool.output()), each.mean(0))


def test_mutual_information_is_the_entropy_of_the_mean_less_the_mean_of_the_entropies() -> None:
    pool, each = of_classes(Classification(4))
    right = entropy(each.mean(0), axis=1) - entropy(each, axis=2).mean(0)
    assert_close(pool.disagreement()["mutual_information"], torch.from_numpy(right))


def test_of_maps_it_is_the_mean_over_pixels() -> None:
    task = Segmentation(4)
    pool, each = of_classes(task, 2, 3)
    assert_close(task.predict(pool.output()), each.mean(0))
    right = entropy(each.mean(0), axis=1) - entropy(each, axis=2).mean(0)
    assert_close(pool.disagreement()["mutual_information"], torch.from_numpy(right).mean((1, 2)))


def test_members_that_are_all_sure_keep_finite_logarithms() -> None:
    task = Classification(2)
    output = torch.tensor([[300.0, 0.0], [float("inf"), 0.0]])[:1]
    pool = pooled(task, [task, task], [output, output])
    assert pool.output().isfinite().all()
    assert float(pool.disagreement()["mutual_information"]) == 0
    assert_close(task.loss(pool.output(), torch.tensor([1]))[0], torch.tensor(300.0))


@pytest.mark.parametrize("size", [1, 3])
def test_numbers_are_pooled_in_original_units(size: int) -> None:
    members = [number(10.0 * each, 1.0 + each, size=size) for each in range(MEMBERS)]
    outputs = [torch.randn(5, size) for _ in members]
    each = torch.stack([m.predict(o) for m, o in zip(members, outputs, strict=True)])
    pool = pooled(members[0], members, outputs)  # type: ignore[arg-type]
    assert_close(members[0].predict(pool.output()), each.mean(0))
    found = pool.disagreement()["deviation"]
    assert_close(found, each.std(0, correction=0))
    members[0].take_calibration({"spread": [2.0] * size, "quantile": [3.0] * size, "level": 0.9})
    right = (each.var(0, correction=0) + 4).sqrt()
    assert_close(pool.disagreement()["deviation"], right)


def test_far_off_numbers_keep_their_digits() -> None:
    members = [number(-3e6 + each, 0.01, dtype=torch.float64) for each in range(2)]
    outputs = [torch.zeros(1, 1)] * 2
    pool = pooled(members[0], members, outputs)  # type: ignore[arg-type]
    right = torch.stack([each.predict(outputs[0]) for each in members]).mean(0)
    assert_close(members[0].predict(pool.output()), right, rtol=0, atol=1e-5)


def test_maps_of_numbers() -> None:
    members = [DenseRegression(2) for _ in range(MEMBERS)]
    for place, each in enumerate(members):
        each.learn_statistics("depth", torch.randn(9, 2, 3, 4) * (1 + place) + place)
    outputs = [torch.randn(5, 2, 3, 4) for _ in members]
    each = torch.stack([m.predict(o) for m, o in zip(members, outputs, strict=True)])
    pool = pooled(members[0], members, outputs)  # type: ignore[arg-type]
    assert_close(members[0].predict(pool.output()), each.mean(0))
    right = each.var(0, correction=0).mean((2, 3)).sqrt()
    assert_close(pool.disagreement()["deviation"], right)


def learned(task: Regression, place: int) -> Regression:
    task.learn_statistics("angle", torch.randn(50, 2) * (1 + place) + 5 * place)
    return task


def test_spreads_follow_the_law_of_total_variance() -> None:
    members = [learned(GaussianRegression(2), each) for each in range(MEMBERS)]
    outputs = [torch.randn(5, 4) for _ in members]
    pairs = list(zip(members, outputs, strict=True))
    means = torch.stack([task.predict(output) for task, output in pairs])
    deviations = torch.stack([task.uncertainty(output)["deviation"] for task, output in pairs])
    pool = pooled(members[0], members, outputs)  # type: ignore[arg-type]
    assert pool.disagreement() == {}
    assert_close(members[0].predict(pool.output()), means.mean(0))
    right = (deviations.square().mean(0) + means.var(0, correction=0)).sqrt()
    assert_close(members[0].uncertainty(pool.output())["deviation"], right)


def test_quantiles_are_the_means_of_quantiles() -> None:
    members = [learned(QuantileRegression(2), each) for each in range(MEMBERS)]
    outputs = [torch.randn(5, 6) for _ in members]
    pairs = list(zip(members, outputs, strict=True))
    pool = pooled(members[0], members, outputs)  # type: ignore[arg-type]
    medians = torch.stack([task.predict(output) for task, output in pairs])
    assert_close(members[0].predict(pool.output()), medians.mean(0))
    for what in ("low", "high"):
        each = torch.stack([task.uncertainty(output)[what] for task, output in pairs])
        assert_close(members[0].uncertainty(pool.output())[what], each.mean(0))
    assert_close(pool.disagreement()["deviation"], medians.std(0, correction=0))


def boxes(place: int) -> Box:
    task, low = Box(), 5 * place + 9 * torch.rand(30, 2)
    task.learn_statistics("box", torch.cat([low, low + 3 + 9 * torch.rand(30, 2)], 1))
    return task


def test_boxes_and_points_are_pooled_in_pixels() -> None:
    heat_maps: list[Task] = [HeatMaps(2) for _ in range(MEMBERS)]
    for members, shape in (([boxes(at) for at in range(MEMBERS)], (4,)), (heat_maps, (2, 6, 8))):
        outputs = [torch.randn(5, *shape) for _ in members]
        each = torch.stack([m.predict(o) for m, o in zip(members, outputs, strict=True)])
        pool = pooled(members[0], members, outputs)  # type: ignore[arg-type]
        assert pool.output().shape == outputs[0].shape
        assert_close(members[0].predict(pool.output()), each.mean(0), rtol=1e-4, atol=1e-4)
        found = pool.disagreement()["deviation"]
        assert_close(found, each.std(0, correction=0), rtol=1e-4, atol=1e-4)
        members[0].take_calibration({"spread": [2.0] * 4, "quantile": [3.0] * 4, "level": 0.9})
        right = (each.var(0, correction=0) + 4).sqrt()
        assert_close(pool.disagreement()["deviation"], right, rtol=1e-4, atol=1e-4)


class Labels(Classification):
    """Several labels at once."""

    def predict(self, output: Tensor) -> Tensor:
        return output.sigmoid()


def test_what_nobody_knows_how_to_pool_is_not_pooled() -> None:
    assert Labels(3).pool() is None


def test_classes_in_an_order_are_the_mean_of_probabilities() -> None:
    task = Ordinal(4)
    outputs = [3 * torch.randn(5, 3) for _ in range(MEMBERS)]
    pool = pooled(task, [task] * MEMBERS, outputs)  # type: ignore[list-item]
    each = torch.stack([task.predict(output) for output in outputs])
    assert_close(task.predict(pool.output()), each.mean(0))
    right = entropy(each.mean(0), axis=1) - entropy(each, axis=2).mean(0)
    found = pool.disagreement()["mutual_information"]
    assert_close(found, torch.from_numpy(right), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [Count, NegativeBinomial])
def test_counts_are_the_mean_of_rates(kind: type[Count]) -> None:
    members = [kind(2) for _ in range(MEMBERS)]
    for place, each in enumerate(members):
        each.learn_statistics("cells", torch.poisson(torch.full((50, 2), 3.0 + place)))
    outputs = [torch.randn(5, each.out_features) for each in members]
    pairs = list(zip(members, outputs, strict=True))
    rates = torch.stack([task.predict(output) for task, output in pairs])
    pool = pooled(members[0], members, outputs)  # type: ignore[arg-type]
    assert_close(members[0].predict(pool.output()), rates.mean(0))
    if kind is Count:
        assert_close(pool.disagreement()["deviation"], rates.std(0, correction=0))
        return
    assert pool.disagreement() == {}
    deviations = torch.stack([task.uncertainty(output)["deviation"] for task, output in pairs])
    right = (deviations.square().mean(0) + rates.var(0, correction=0)).sqrt()
    assert_close(members[0].uncertainty(pool.output())["deviation"], right)


def test_angles_are_the_mean_of_vectors_and_less_sure_if_members_differ() -> None:
    task = Angle()
    one, two = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    pool = pooled(task, [task, task], [one, two])
    assert_close(task.predict(pool.output()), torch.tensor([45.0]))
    alone, both = (float(task.uncertainty(each)["deviation"]) for each in (one, pool.output()))
    assert both > alone
    assert pool.disagreement() == {}


def test_survival_curves_are_averaged_at_the_ends_of_the_ensembles_own_bins() -> None:
    members = [Hazard([1.0, 2.0, 4.0]), Hazard([1.0, 2.0, 4.0]), Hazard([2.0, 3.0, 4.0])]
    outputs = [torch.randn(5, 3) for _ in members]
    curves = [task.predict(output) for task, output in zip(members, outputs, strict=True)]
    pool = pooled(members[0], members, outputs)  # type: ignore[arg-type]
    # Of the third, a half of the first bin by a constant hazard, and both others.
    third = curves[2]
    moved = torch.stack([third[:, 0], third[:, 1].sqrt(), third[:, 1], third[:, 3]], 1)
    right = torch.stack([curves[0], curves[1], moved]).mean(0)
    assert_close(members[0].predict(pool.output()), right)
