"""How far outputs are from those of an older model, and targets of data that lack a task."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Normal, Poisson, VonMises, kl_divergence

from multitask.tasks import (
    Angle,
    Box,
    Classification,
    Count,
    DenseRegression,
    Depth,
    Edges,
    GaussianRegression,
    Hazard,
    HeatMaps,
    Keypoints,
    NegativeBinomial,
    Normals,
    Ordinal,
    QuantileRegression,
    Reconstruction,
    Regression,
    Segmentation,
    Task,
    ToyObjective,
)

SHAPES: dict[str, tuple[Callable[[], Task], tuple[int, ...]]] = {
    "classes": (lambda: Classification(4), (5, 4)),
    "a class for each pixel": (lambda: Segmentation(4), (5, 4, 3, 2)),
    "numbers": (lambda: Regression(3), (5, 3)),
    "a number for each pixel": (lambda: DenseRegression(), (5, 1, 3, 2)),
    "a depth": (lambda: Depth(log=True, scale_invariant=0.5), (5, 1, 3, 2)),
    "directions": (lambda: Normals(), (5, 3, 3, 2)),
    "edges": (lambda: Edges(), (5, 1, 3, 2)),
    "the image": (lambda: Reconstruction(), (5, 3, 3, 2)),
    "normal": (lambda: GaussianRegression(3), (5, 6)),
    "a box": (Box, (5, 4)),
    "points": (lambda: Keypoints(3), (5, 6)),
    "heat maps": (lambda: HeatMaps(3), (5, 3, 4, 6)),
    "quantiles": (lambda: QuantileRegression(3), (5, 9)),
    "classes in an order": (lambda: Ordinal(4), (5, 3)),
    "counts": (lambda: Count(3), (5, 3)),
    "counts that vary more": (lambda: NegativeBinomial(3), (5, 6)),
    "an angle": (lambda: Angle(), (5, 2)),
    "a hazard": (lambda: Hazard(4), (5, 4)),
}
ALL = pytest.mark.parametrize(("make", "shape"), SHAPES.values(), ids=SHAPES)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def found(task: Task, output: Tensor, kept: Tensor, temperature: float = 2.0) -> Tensor:
    distance = task.distance(output, kept, temperature)
    assert distance is not None
    return distance


@ALL
def test_a_distance_for_each_sample(make: Callable[[], Task], shape: tuple[int, ...]) -> None:
    task, kept = make(), drawn(*shape)
    output = (kept + drawn(1, *shape)[0]).requires_grad_()
    distance = found(task, output, kept)
    assert distance.shape == (5,)
    assert (distance > 0).all()
    assert found(task, kept, kept).abs().max() < 1e-6
    (gradient,) = torch.autograd.grad(distance.sum(), output)
    assert gradient.isfinite().all()
    assert task.distance(output[:0], kept[:0], 2.0).shape == (0,)  # type: ignore[union-attr]


@ALL
def test_targets_of_which_none_is_known(make: Callable[[], Task], shape: tuple[int, ...]) -> None:
    task, output = make(), drawn(*shape)
    target = task.missing_target(output)
    assert target is not None
    task.check("it", target, "training")
    assert not task.known(target).any()
    assert [float(each) for each in task.loss(output, target)] == [0, 0]


def test_classes_differ_by_their_probabilities_at_the_temperature() -> None:
    output, kept = drawn(5, 4), drawn(4, 5).T
    truth = kl_divergence(Categorical(logits=kept / 3), Categorical(logits=output / 3))
    torch.testing.assert_close(found(Classification(4), output, kept, 3.0), 9 * truth)


def test_pixels_count_alike() -> None:
    output, kept = drawn(5, 4, 3, 2), drawn(2, 5, 4, 3).movedim(0, 3)
    rows = [each.movedim(1, -1).flatten(0, 2) for each in (output, kept)]
    truth = found(Classification(4), *rows).view(5, -1).mean(1)
    torch.testing.assert_close(found(Segmentation(4), output, kept), truth)


def test_numbers_differ_by_their_mean_square() -> None:
    output, kept = drawn(5, 3), drawn(3, 5).T
    truth = (output - kept).square().mean(1)
    torch.testing.assert_close(found(Regression(3), output, kept), truth)


def test_heat_maps_differ_by_the_mean_of_their_divergences() -> None:
    output, kept = drawn(5, 3, 4, 6), drawn(3, 5, 6, 4).permute(1, 0, 3, 2)
    now, before = (Categorical(logits=each.flatten(2)) for each in (output, kept))
    truth = kl_divergence(before, now).mean(1)
    torch.testing.assert_close(found(HeatMaps(3), output, kept), truth)


def test_normal_distributions_differ_by_their_divergence() -> None:
    task, output, kept = GaussianRegression(3, beta=0), drawn(5, 6), drawn(6, 5).T
    now, before = (
        Normal(mean, (log / 2).exp()) for mean, log in (task._parts(output), task._parts(kept))
    )
    torch.testing.assert_close(found(task, output, kept), kl_divergence(before, now).mean(1))


def test_nothing_is_known_of_what_somebody_else_predicts() -> None:
    class Own(Classification):
        def predict(self, output: Tensor) -> Tensor:
            return output.sigmoid()

    assert Own(4).distance(drawn(5, 4), drawn(5, 4), 2.0) is None
    assert ToyObjective(1).distance(drawn(5, 2), drawn(5, 2), 2.0) is None
    assert ToyObjective(1).missing_target(drawn(5, 2)) is None


def test_classes_in_an_order_differ_by_their_probabilities() -> None:
    task, output, kept = Ordinal(5), drawn(5, 4), drawn(4, 5).T
    pair = (Categorical(probs=task.predict(each)) for each in (kept, output))
    torch.testing.assert_close(found(task, output, kept, 1.0), kl_divergence(*pair))


def test_counts_differ_by_the_divergence_of_poisson_distributions() -> None:
    task, output, kept = Count(2, standardise=False), drawn(5, 2), drawn(2, 5).T
    pair = (Poisson(task.predict(each)) for each in (kept, output))
    torch.testing.assert_close(found(task, output, kept), kl_divergence(*pair).mean(1))


def test_angles_differ_by_the_divergence_of_von_mises_distributions() -> None:
    task, output, kept = Angle(), 2 * drawn(5, 2), 2 * drawn(2, 5).T
    grid = torch.linspace(-torch.pi, torch.pi, 4001)[:-1]

    def density(vectors: Tensor) -> Tensor:
        direction = torch.atan2(vectors[:, 1], vectors[:, 0])[:, None]
        return VonMises(direction, vectors.norm(dim=1)[:, None]).log_prob(grid)

    before, now = density(kept), density(output)
    truth = (before.exp() * (before - now)).mean(1) * 2 * torch.pi
    torch.testing.assert_close(found(task, output, kept), truth, rtol=1e-3, atol=1e-4)


def test_hazards_differ_by_the_divergence_of_their_bins() -> None:
    task, output, kept = Hazard(4), drawn(5, 4), drawn(4, 5).T

    def shares(each: Tensor) -> Categorical:
        curve = task.predict(each)
        return Categorical(probs=torch.cat([-curve.diff(dim=1), curve[:, -1:]], 1))

    truth = kl_divergence(shares(kept), shares(output))
    torch.testing.assert_close(found(task, output, kept), truth)
