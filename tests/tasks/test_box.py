"""One box: its loss, its metrics, what it says and what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchvision.ops import box_iou, generalized_box_iou

from multitask.errors import InputError
from multitask.tasks import Box

NAN = float("nan")


def boxes(samples: int = 40, seed: int = 0, missing: bool = True) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = 5 + 20 * torch.rand(samples, 2, generator=generator)
    sides = 4 + 12 * torch.rand(samples, 2, generator=generator)
    found = torch.cat([corner, corner + sides], 1)
    if missing:
        found[::5] = NAN
        found[3, 2] = NAN
    return found


def fitted(**options: float) -> Box:
    task = Box(**options)  # type: ignore[arg-type]
    task.learn_statistics("box", boxes(200, 1))
    return task


def outputs(samples: int = 40) -> Tensor:
    return torch.randn(samples, 4, generator=torch.Generator().manual_seed(2))


def test_any_output_is_a_box_around_the_standardised_centre() -> None:
    task, train = fitted(), boxes(200, 1)
    train = train[train.isfinite().all(1)]
    output = 3 * outputs()
    found = task.predict(output)
    assert (found[:, 2:] > found[:, :2]).all()
    sides = (train[:, 2:] - train[:, :2]).log()
    log = output[:, 2:] * sides.std(0, correction=0) + sides.mean(0)
    assert_close((found[:, 2:] - found[:, :2]), log.exp(), rtol=1e-4, atol=1e-4)
    middle = (train[:, :2] + train[:, 2:]) / 2
    centre = output[:, :2] * middle.std(0, correction=0) + middle.mean(0)
    assert_close((found[:, 2:] + found[:, :2]) / 2, centre, rtol=1e-4, atol=1e-4)
    assert_close(task.raw(found), output, rtol=1e-3, atol=1e-3)
    assert task.predict(torch.full((1, 4), 1e4)).isfinite().all()


@pytest.mark.parametrize(("l1", "giou"), [(5.0, 2.0), (0.0, 1.0), (3.0, 0.0)])
def test_the_loss_is_that_of_detr_over_the_known_boxes(l1: float, giou: float) -> None:
    task, target, output = fitted(l1=l1, giou=giou), boxes(), outputs().requires_grad_()
    known = target.isfinite().all(1)
    train = boxes(200, 1)
    train = train[train.isfinite().all(1)]
    side = (train[:, 2:] - train[:, :2]).mean()
    found, true = task.predict(output)[known], target[known]
    distances = (found - true).abs().sum(1) / side
    each = l1 * distances + giou * (1 - generalized_box_iou(found, true).diagonal())
    total, count = task.loss(output, target)
    assert count == known.sum() == 31
    assert_close(total, each.sum(), rtol=1e-5, atol=0)
    gradient, expected = (torch.autograd.grad(of, output)[0] for of in (total, each.sum()))
    assert_close(gradient, expected, rtol=1e-4, atol=1e-5)
    assert not gradient[~known].any()
    assert_close(task.sample_loss(output, target)[0][known], each, rtol=1e-5, atol=1e-6)
    assert task.sample_loss(output, target)[1].tolist() == known.float().tolist()


def test_metrics_are_torchvisions_over_the_known_boxes() -> None:
    task, target, metrics = fitted(), boxes(300), fitted().metrics()
    output = task.raw(boxes(300, 0, missing=False) + torch.randn(300, 4))
    output[::7] = task.raw(boxes(300, missing=False)[::7] + 40)
    for rows in torch.arange(300).split(70):
        task.update_metrics(metrics, output[rows], target[rows])
    known = target.isfinite().all(1)
    iou = box_iou(task.predict(output)[known], target[known]).diagonal().double()
    expected = {
        "iou": iou.mean(),
        "accuracy_50": (iou >= 0.5).double().mean(),
        "accuracy_75": (iou >= 0.75).double().mean(),
    }
    found = metrics.compute()
    assert set(found) == set(expected)
    assert 0.2 < expected["accuracy_75"] < expected["accuracy_50"] < 0.95
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(float(value), abs=1e-6)


def test_the_trivial_predictor_is_one_box_for_all() -> None:
    task = fitted()
    found = task.predict(task.trivial_output(outputs()))
    assert (found == found[0]).all()
    train = boxes(200, 1)
    train = train[train.isfinite().all(1)]
    assert_close(found[0, :2] + found[0, 2:], (train[:, :2] + train[:, 2:]).mean(0))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype: torch.dtype) -> None:
    task, target = fitted(), boxes()
    output = outputs().to(dtype)
    total, count = task.loss(output, target)
    assert total.dtype == count.dtype == dtype
    assert_close(total.float(), task.loss(output.float(), target)[0], rtol=0.01, atol=0)
    assert task.predict(output).dtype == torch.float32


def test_boxes_that_are_all_alike_are_learnt_too() -> None:
    task, same = Box(), torch.tensor([[2.0, 3, 8, 12]]).expand(9, 4)
    task.learn_statistics("box", same)
    assert_close(task.predict(torch.zeros(9, 4)), same)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ([[NAN] * 4, [4.0, 4, 4, 9]], "sample 1 is not a box: left 4, top 4, right 4, bottom 9"),
        ([[10.0, 20, 5, 6]], "sample 0 is not a box: .* set the target's box to xywh"),
        ([[0.0, 0, torch.inf, 3]], "sample 0 is infinite"),
        ([[1.0, 2, 3]], "needs floating-point numbers of shape .samples, 4.: left, top, right"),
        ([[1, 2, 3, 4]], "its training targets are torch.int64"),
        ([[NAN, 0.0, 1, 1]], "no training sample has a label"),
    ],
)
def test_what_is_no_box_is_refused(target: list, sentence: str) -> None:
    with pytest.raises(InputError, match=f"task 'box': .*{sentence}"):
        Box().learn_statistics("box", torch.tensor(target))


@pytest.mark.parametrize(
    ("build", "sentence"),
    [(lambda: Box(l1=-1), "l1 is -1"), (lambda: Box(0, 0), "l1 and giou are both 0")],
)
def test_bad_arguments_are_refused(build: Callable[[], Box], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        build()


def test_a_calibration_is_of_each_side_in_pixels() -> None:
    task, target = fitted(), boxes(200, missing=False)
    output = task.raw(target + torch.randn(200, 4))
    told = task.fit_calibration(output, target, 0.9)
    task.take_calibration(told)
    found = task.uncertainty(output)
    inside = (found["low"] <= target) & (target <= found["high"])
    assert inside.float().mean(0).sub(0.9).abs().max() < 0.02
    metrics = task.metrics()
    task.update_metrics(metrics, output, target)
    assert float(metrics.compute()["coverage"]) == pytest.approx(0.9, abs=0.02)


def test_its_columns_are_the_sides_whatever_the_data_call_them() -> None:
    assert fitted().column_names("box") == ["box.left", "box.top", "box.right", "box.bottom"]
