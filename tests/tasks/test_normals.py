"""Directions of surfaces."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import Normals

NAN = float("nan")


def maps() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = normalize(torch.randn(4, 3, 30, 40, generator=generator), dim=1)
    output = 3 * (target + 0.4 * torch.randn(target.shape, generator=generator))
    target[(torch.rand(4, 1, 30, 40, generator=generator) < 0.3).expand_as(target)] = NAN
    # A pixel is known if all of its numbers are.
    target[0, 1, 0, 0] = NAN
    target[2] = NAN
    return output, target


def angles(output: Tensor, target: Tensor) -> np.ndarray:
    known = target.isfinite().all(1)
    first, second = (each.movedim(1, -1)[known].double().numpy() for each in (output, target))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.degrees(np.arccos(np.clip((first * second).sum(1) / lengths, -1, 1)))


def test_metrics_are_those_of_all_known_pixels() -> None:
    task, (output, target) = Normals(), maps()
    task.learn_statistics("normals", target)
    metrics = task.metrics()
    for rows in (slice(0, 1), slice(1, 3), slice(3, 4)):
        task.update_metrics(metrics, output[rows], target[rows])
    values = {name: float(each) for name, each in metrics.compute().items()}
    expected = angles(output, target)
    assert values.pop("median") == pytest.approx(np.median(expected), abs=0.05)
    limits = {"within_11": 11.25, "within_22": 22.5, "within_30": 30.0}
    shares = {name: (expected < limit).mean() for name, limit in limits.items()}
    assert values == pytest.approx({"mean": expected.mean(), **shares}, rel=1e-6)


def test_the_loss_is_one_minus_the_cosine_of_known_pixels() -> None:
    task, (output, target) = Normals(), maps()
    output[3, :, 0, 0] = 0.0
    target[3, :, 0, 0] = torch.tensor([0.0, 0.0, 1.0])
    output.requires_grad_()
    total, count = task.loss(output, target)
    known = target.isfinite().all(1)
    losses = 1 - torch.cosine_similarity(output, target, dim=1)[known]
    assert_close(total, losses.sum(), rtol=1e-6, atol=1e-3)
    assert count == known.sum()
    assert task.known(target).tolist() == [True, True, False, True]
    each, counts = task.sample_loss(output, target)
    assert_close(torch.stack([each.sum(), counts.sum()]), torch.stack([total, count]))
    assert counts[2] == 0
    total.backward()
    assert output.grad is not None
    assert output.grad.isfinite().all()


def test_small_angles_are_not_rounded_away() -> None:
    turn = torch.tensor([0.01]).deg2rad()
    first = torch.stack([turn.sin(), torch.zeros(1), turn.cos()]).view(1, 3, 1, 1)
    second = torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1)
    assert_close(Normals.angles(first, second), torch.full((1, 1, 1), 0.01))
    # What has no direction is not right.
    assert Normals.angles(torch.zeros(1, 3, 1, 1), second) == 90


def test_the_trivial_prediction_is_the_mean_direction() -> None:
    task, (output, target) = Normals(), maps()
    task.learn_statistics("normals", target)
    found = task.predict(task.trivial_output(output))
    expected = normalize(target.movedim(1, -1)[target.isfinite().all(1)].mean(0), dim=0)
    assert_close(found[1, :, 2, 3], expected)


def test_distance_and_ensemble_are_of_directions() -> None:
    task, (output, _) = Normals(), maps()
    assert_close(task.distance(output, output, 2.0), torch.zeros(4), rtol=0, atol=1e-6)
    assert_close(task.distance(output, -output, 2.0), torch.full((4,), 2.0))
    pool = task.pool()
    assert pool is not None
    x, z = (torch.eye(3)[at].view(1, 3, 1, 1).expand(2, 3, 4, 5) for at in (0, 2))
    pool.add(task, 7 * x)
    assert pool.disagreement()["angle"].tolist() == [0, 0]
    pool.add(task, z)
    assert_close(task.predict(pool.output()), (x + z) / 2**0.5)
    assert_close(pool.disagreement()["angle"], torch.full((2,), 45.0))


def test_a_vector_without_a_direction_is_refused() -> None:
    target = maps()[1]
    target[3, :, 4, 4] = 0.0
    with pytest.raises(InputError, match="training sample 3 has a vector of length 0"):
        Normals().check("normals", target, "training")
