"""Keypoints by heat maps: loss, predictions, points outside, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from multitask.encoders import Maps, Vector
from multitask.errors import InputError
from multitask.tasks import HeatMaps, Keypoints

HEIGHT, WIDTH = 14, 18
NAN = float("nan")


def points(samples: int = 12, stride: float = 1.0) -> Tensor:
    """Some missing, some outside; one half known."""
    generator = torch.Generator().manual_seed(0)
    size = stride * torch.tensor([WIDTH, HEIGHT] * 2)
    found = torch.rand(samples, 4, generator=generator) * size
    found[0], found[1, 2], found[2, 0], found[3, 3] = NAN, NAN, -1.0, HEIGHT * stride + 0.1
    return found


def outputs(samples: int = 12) -> Tensor:
    return torch.randn(samples, 2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))


def on_map(points: Tensor, stride: float = 1.0) -> Tensor:
    x, y = points.unflatten(1, (-1, 2)).unbind(2)
    inside = (x >= 0) & (x < stride * WIDTH) & (y >= 0) & (y < stride * HEIGHT)
    return inside & x.isfinite() & y.isfinite()


@pytest.mark.parametrize(("sigma", "stride"), [(1.0, 1.0), (0.7, 4.0)])
def test_the_loss_is_the_cross_entropy_with_a_gaussian(sigma: float, stride: float) -> None:
    task, target = HeatMaps(2, sigma, stride), points(stride=stride)
    output = outputs().requires_grad_()
    rows, columns = (stride * (torch.arange(size) + 0.5) for size in (HEIGHT, WIDTH))
    expected = torch.zeros(())
    known = on_map(target, stride)
    for sample, point in known.nonzero().tolist():
        x, y = target[sample, 2 * point : 2 * point + 2]
        squares = (rows - y).square()[:, None] + (columns - x).square()
        share = (-squares / (2 * (sigma * stride) ** 2)).flatten().softmax(0)
        logits = output[sample, point].flatten()
        expected = expected + cross_entropy(logits[None], share[None])
    total, count = task.loss(output, target)
    assert count == known.sum() == 24 - 5
    assert_close(total, expected)
    (gradient,) = torch.autograd.grad(total, output)
    assert gradient.isfinite().all()
    assert torch.equal(gradient.flatten(2).any(2), known)
    assert_close(task.sample_loss(output, target)[0].sum(), expected)


def test_the_prediction_is_the_mean_of_the_softmax() -> None:
    task, output = HeatMaps(2, stride=2.0), 2 * outputs()
    share = output.flatten(2).softmax(2).view_as(output).double()
    found = task.predict(output).unflatten(1, (-1, 2)).double()
    across, down = 2 * (torch.arange(WIDTH) + 0.5), 2 * (torch.arange(HEIGHT) + 0.5)
    assert_close(found[..., 0], (share.sum(2) * across).sum(2), rtol=1e-5, atol=1e-5)
    assert_close(found[..., 1], (share.sum(3) * down).sum(2), rtol=1e-5, atol=1e-5)


def test_a_map_that_is_right_predicts_its_point_between_pixels() -> None:
    task, target = HeatMaps(2), torch.tensor([[5.3, 6.6, 11.25, 7.0]])
    rows, columns = (torch.arange(size) + 0.5 for size in (HEIGHT, WIDTH))
    x, y = target.unflatten(1, (-1, 2))[..., None].unbind(2)
    squares = (rows - y)[..., None].square() + (columns - x)[:, :, None].square()
    assert_close(task.predict(-squares / 2), target, atol=1e-3, rtol=0)


def test_metrics_leave_out_what_is_outside() -> None:
    task, plain, target = HeatMaps(2), Keypoints(2), points()
    task.learn_statistics("face", target)
    plain.learn_statistics("face", target)
    found, expected = task.metrics(), plain.metrics()
    task.update_metrics(found, outputs(), target)
    seen = target.where(on_map(target).repeat_interleave(2, 1), NAN)
    plain.count_in(expected, task.predict(outputs()), seen)
    assert set(found) == set(expected)
    assert_close(found.compute(), expected.compute(), equal_nan=True)


def test_the_trivial_predictor_is_the_mean_of_the_training_points() -> None:
    task, target = HeatMaps(2), 4 + 6 * torch.rand(30, 4)
    task.learn_statistics("face", target)
    found = task.predict(task.trivial_output(outputs()))
    assert_close(found, target.mean(0).expand_as(found), atol=1e-3, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype: torch.dtype) -> None:
    task, output = HeatMaps(2), outputs().to(dtype)
    total, count = task.loss(output, points())
    assert total.dtype == count.dtype == dtype
    assert_close(total.float(), task.loss(output.float(), points())[0], rtol=0.01, atol=0)
    assert task.predict(output).dtype == torch.float32


def test_names_and_heads() -> None:
    task = HeatMaps(["nose", "tail"])
    names = ["at.nose.x", "at.nose.y", "at.tail.x", "at.tail.y"]
    assert task.column_names("at") == names
    assert list(task.columns("at", task.predict(outputs()))) == names
    head = task.build_head(Maps((4,), (2,)))
    assert head([torch.rand(1, 4, 3, 3)]).shape == (1, 2, 6, 6)
    with pytest.raises(InputError, match="needs maps, but the encoder returns a vector"):
        task.build_head(Vector(5))
    with pytest.raises(InputError, match=r"heat maps have shape \[batch, 2, height, width\]"):
        task.loss(torch.zeros(12, 4), points())


@pytest.mark.parametrize("arguments", [{"sigma": 0.0}, {"stride": -1.0}])
def test_bad_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="give a number of pixels, above 0"):
        HeatMaps(2, **arguments)
