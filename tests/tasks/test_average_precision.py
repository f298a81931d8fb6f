"""Average precision of boxes, against COCO's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchmetrics.detection import MeanAveragePrecision

from multitask.tasks.average_precision import THRESHOLDS, AveragePrecision

CLASSES = 4


def boxes(seed: int, samples: int = 40) -> tuple[Tensor, Tensor]:
    """Crowded boxes of a few classes, some predictions near them; some images without any."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.rand(samples, *shape, generator=generator)

    low, size = 60 * random(6, 2), 10 + 30 * random(6, 2)
    # The last class never occurs, though it is predicted.
    kind = (random(6, 1) * (CLASSES - 1)).floor()
    target = torch.cat([kind, low, low + size], 2)
    target[random(6) < 0.4] = torch.tensor([-1.0, 0, 0, 0, 0])
    near = target.repeat(1, 2, 1)
    is_nothing = near[:, :, 0] < 0
    near[:, :, 1:] += 5 * (random(12, 4) - 0.5)
    near[:, :, 0] = near[:, :, 0].where(random(12) < 0.8, (random(12) * CLASSES).floor())
    score = random(12, 1).sort(1, descending=True).values
    preds = torch.cat([near, score], 2)
    preds[is_nothing] = torch.tensor([-1.0, 0, 0, 0, 0, 0])
    return preds, target


def of_coco(preds: Tensor, target: Tensor) -> dict[str, Tensor]:
    metric = MeanAveragePrecision()
    for found, right in zip(preds, target, strict=True):
        found, right = found[found[:, 0] >= 0], right[right[:, 0] >= 0]
        metric.update(
            [{"boxes": found[:, 1:5], "scores": found[:, 5], "labels": found[:, 0].long()}],
            [{"boxes": right[:, 1:], "labels": right[:, 0].long()}],
        )
    return metric.compute()


@pytest.mark.parametrize("seed", range(3))
def test_it_is_that_of_coco(seed: int) -> None:
    pytest.importorskip("pycocotools")
    preds, target = boxes(seed)
    expected = of_coco(preds, target)
    assert expected["map"] > 0.1
    for name, thresholds in (("map", THRESHOLDS), ("map_50", (0.5,)), ("map_75", (0.75,))):
        metric = AveragePrecision(CLASSES, thresholds)
        for part in torch.arange(len(preds)).split(7):
            metric.update(preds[part], target[part])
        assert_close(metric.compute(), expected[name], atol=1e-6, rtol=0)


def test_the_order_of_samples_and_processes_does_not_count() -> None:
    preds, target = boxes(0)
    # Many equal scores, as of a network that is sure.
    preds[:, :, 5] = (4 * preds[:, :, 5]).ceil() / 4
    whole, parts = AveragePrecision(CLASSES), [AveragePrecision(CLASSES) for _ in range(2)]
    whole.update(preds, target)
    order = torch.randperm(len(preds), generator=torch.Generator().manual_seed(1))
    for metric, part in zip(parts, order.chunk(2), strict=True):
        metric.update(preds[part], target[part])
    first, second = parts
    # As processes are joined: lists one after the other, sums added.
    for name in ("scores", "kinds", "matches"):
        setattr(first, name, [*getattr(first, name), *getattr(second, name)])
    first.boxes += second.boxes
    assert torch.equal(first.compute(), whole.compute())


def test_by_hand() -> None:
    target = torch.tensor([[[0.0, 0, 0, 10, 10], [0, 20, 20, 30, 30], [-1, 0, 0, 0, 0]]])
    preds = torch.tensor(
        [[[0, 0, 0, 10, 10, 0.9], [1, 20, 20, 30, 30, 0.8], [0, 0, 0, 9, 10, 0.7]]]
    )
    metric = AveragePrecision(2)
    metric.update(preds, target)
    # One of two boxes is found; the wrong class and the second of the same box are not right.
    assert_close(metric.compute(), torch.tensor(51 / 101))


def test_without_boxes_or_predictions() -> None:
    nothing = torch.tensor([[[-1.0, 0, 0, 0, 0, 0]]])
    metric = AveragePrecision(2)
    assert math.isnan(metric.compute())
    metric.update(nothing, nothing[:, :, :5])
    assert math.isnan(metric.compute())
    metric.update(nothing, torch.tensor([[[1.0, 0, 0, 5, 5]]]))
    assert metric.compute() == 0
