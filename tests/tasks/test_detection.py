"""Several boxes in an image."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchvision.ops import generalized_box_iou

from multitask.errors import InputError
from multitask.tasks import Detection

NOTHING = [-1.0, 0, 0, 0, 0]
TARGET = torch.tensor(
    [
        [[0.0, 2, 1, 12, 9], [1, 10, 10, 30, 22]],
        [[1, 0, 0, 8, 16], NOTHING],
        [NOTHING, NOTHING],
        [[math.nan] * 5] * 2,
    ]
)


def task() -> Detection:
    made = Detection(["cat", "dog"], most=5)
    made.learn_statistics("boxes", TARGET)
    return made


def output(seed: int = 0) -> Tensor:
    """Of images of 24 x 32 pixels."""
    return torch.randn(4, 6, 6, 8, generator=torch.Generator().manual_seed(seed))


def loss_by_hand(made: Detection, raw: Tensor, rows: Tensor) -> float:
    """Of one image, pixel by pixel."""
    boxes = [row for row in rows.tolist() if row[0] >= 0]
    logits = made.logits(raw[None])[0].double()
    total, height, width = 0.0, 6, 8
    for kind in range(2):
        for y in range(height):
            for x in range(width):
                heat = 0.0
                for of, left, top, right, bottom in boxes:
                    if of == kind:
                        at = (int((left + right) / 8), int((top + bottom) / 8))
                        wide = max(0.09 * (right - left) / 4, 1 / 3)
                        high = max(0.09 * (bottom - top) / 4, 1 / 3)
                        away = ((x - at[0]) / wide) ** 2 + ((y - at[1]) / high) ** 2
                        heat = max(heat, math.exp(-away / 2))
                p = float(logits[kind, y, x].sigmoid())
                if heat == 1:
                    total -= (1 - p) ** 2 * math.log(p)
                else:
                    total -= (1 - heat) ** 4 * p**2 * math.log(1 - p)
    for _, left, top, right, bottom in boxes:
        x, y = int((left + right) / 8), int((top + bottom) / 8)
        across, down, *logs = raw[2:, y, x].tolist()
        w, h = (
            math.exp(log * float(made.deviation[at]) + float(made.mean[at]))
            for at, log in enumerate(logs)
        )
        middle = (4 * (x + 0.5 + across), 4 * (y + 0.5 + down))
        found = [middle[0] - w / 2, middle[1] - h / 2, middle[0] + w / 2, middle[1] + h / 2]
        right_box = [left, top, right, bottom]
        apart = sum(abs(a - b) for a, b in zip(found, right_box, strict=True))
        giou = generalized_box_iou(torch.tensor([found]), torch.tensor([right_box]))
        total += 0.5 * apart / float(made.side) + (1 - float(giou))
    return total


def test_the_loss_is_that_of_centres_and_boxes() -> None:
    made, raw = task(), output()
    losses, counts = made.sample_loss(raw, TARGET)
    # An empty image counts once, each box once more, an unlabelled image not at all.
    assert counts.tolist() == [3, 2, 1, 0]
    by_hand = [loss_by_hand(made, raw[at], TARGET[at]) for at in range(3)]
    assert_close(losses, torch.tensor([*by_hand, 0.0]), rtol=1e-5, atol=1e-5)
    total, count = made.loss(raw, TARGET)
    assert_close((total, count), (losses.sum(), counts.sum()))


def test_missing_labels_have_no_gradient_and_none_is_nan() -> None:
    raw = (100 * output()).requires_grad_()
    task().loss(raw, TARGET)[0].backward()
    assert raw.grad is not None
    assert raw.grad.isfinite().all()
    assert raw.grad.flatten(1).any(1).tolist() == [True, True, True, False]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype) -> None:
    total, count = task().loss(output().to(dtype), TARGET)
    assert total.dtype == count.dtype == dtype
    assert total.isfinite()


def written(made: Detection) -> Tensor:
    """Raw outputs that say the targets."""
    raw = torch.zeros(4, 6, 6, 8)
    raw[:, :2] = -30
    for place, rows in enumerate(TARGET):
        for row in rows[rows[:, 0] >= 0]:
            low, high = row[1:3], row[3:]
            x, y = ((low + high) / 8).long().tolist()
            raw[place, int(row[0]), y, x] = 10
            raw[place, 2:4, y, x] = (low + high) / 8 - torch.tensor([x, y]) - 0.5
            raw[place, 4:, y, x] = ((high - low).log() - made.mean) / made.deviation
    return raw


def test_predictions_are_the_peaks() -> None:
    made = task()
    found = made.predict(written(made))
    assert found.shape == (4, 5, 6)
    assert ((found[:, :, 0] >= 0).sum(1) == torch.tensor([2, 1, 0, 0])).all()
    first = found[0, :2][found[0, :2, 0].argsort()]
    assert_close(first[:, :5], TARGET[0], atol=1e-4, rtol=0)
    assert (found[2:] == torch.tensor([-1.0, 0, 0, 0, 0, 0])).all()
    metrics = made.metrics()
    made.update_metrics(metrics, written(made), TARGET)
    assert [float(each) for each in metrics.compute().values()] == [1, 1, 1]
    # A map with fewer pixels than boxes are asked for.
    assert Detection(1, most=9).predict(torch.randn(2, 5, 2, 2)).shape == (2, 9, 6)


def test_words_and_columns() -> None:
    made = task()
    found = made.predict(written(made))
    assert made.caption(TARGET[0]) == "cat, dog"
    assert made.caption(found[2]) == "none"
    (column,) = made.columns("boxes", found).values()
    first = json.loads(column[1])  # type: ignore[arg-type]
    assert first[0][0] == "dog"
    assert first[0][1:5] == pytest.approx([0, 0, 8, 16], abs=1e-3)
    assert made.columns("boxes", TARGET)["boxes"][2:] == ["[]", ""]
    cells = made.side_by_side(found, TARGET)
    assert cells["target"] == ["cat, dog", "dog", "none", None]


def test_an_ensemble_means_probabilities_and_boxes() -> None:
    made, other = task(), Detection(2, most=5)
    other.learn_statistics("boxes", TARGET * torch.tensor([1, 2.0, 2, 2, 2]))
    pool = made.pool()
    assert pool is not None
    outputs = [output(1), output(2)]
    for member, raw in zip((made, other), outputs, strict=True):
        pool.add(member, raw)
    likely = [
        member.logits(raw).sigmoid() for member, raw in zip((made, other), outputs, strict=True)
    ]
    assert_close(made.logits(pool.output()).sigmoid(), (likely[0] + likely[1]) / 2)
    # The same members agree.
    pool = made.pool()
    for _ in range(2):
        pool.add(made, outputs[0])
    assert_close(pool.output(), outputs[0])
    assert_close(made.distance(pool.output(), outputs[0], 1.0), torch.zeros(4), atol=1e-4, rtol=0)
    assert (made.distance(outputs[1], outputs[0], 1.0) > 0.1).all()


def test_what_is_not_known_changes_nothing() -> None:
    made, raw = task(), output()
    assert made.known(TARGET).tolist() == [True, True, True, False]
    assert not made.known(made.missing_target(raw)).any()
    assert made.trivial_output(raw).shape == raw.shape
    counts = torch.tensor([1, 2])
    # Of the three labelled images.
    assert_close(made.frequencies, counts / 3)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (torch.zeros(2, 5), "a detection needs floating-point numbers of shape"),
        (torch.tensor([[[2.0, 0, 0, 1, 1]]]), "sample 0 has a class that is not a whole number"),
        (torch.tensor([[NOTHING], [[0, 5, 0, 1, 1]]]), "sample 1 has a box whose right"),
        (torch.tensor([[[0, math.nan, 0, 1, 1]]]), "sample 0 is partly NaN"),
        (torch.tensor([[[0, math.inf, 0, 1, 1]]]), "sample 0 is infinite"),
        (torch.tensor([[NOTHING]]), "no training sample has a box"),
        (torch.tensor([[[math.nan] * 5]]), "no training sample has a label"),
    ],
)
def test_targets_that_are_no_boxes(target: Tensor, words: str) -> None:
    with pytest.raises(InputError, match=f"task 'boxes': .*{words}"):
        Detection(2).learn_statistics("boxes", target)


def test_settings_that_cannot_be() -> None:
    for settings, words in (
        ({"classes": []}, "classes is empty"),
        ({"classes": ["a", "a"]}, "lists 'a' more than once"),
        ({"most": 0}, "most is 0"),
        ({"least_score": 2}, "least_score is 2"),
        ({"giou": -1}, "giou is -1"),
        ({"l1": 0, "giou": 0}, "no side is learnt"),
    ):
        with pytest.raises(InputError, match=words):
            Detection(**{"classes": 2, **settings})  # type: ignore[arg-type]


def test_figures_show_one_box_a_place_and_only_likely_ones() -> None:
    made = task()
    rows = torch.tensor([[0.0, 1, 1, 5, 5, 0.9], [1, 1, 1, 5, 5, 0.8], [1, 2, 2, 6, 6, 0.1]])
    assert made.caption(rows) == "cat"
    drawn: list[tuple[list[float], bool]] = []

    class Kept:
        def box(self, corners: Tensor, is_target: bool) -> None:
            drawn.append((corners.tolist(), is_target))

    assert made.mark(Kept(), TARGET[1], rows)  # type: ignore[arg-type]
    assert drawn == [([0, 0, 8, 16], True), ([1, 1, 5, 5], False)]
    assert made.mark(Kept(), TARGET[3], None)  # type: ignore[arg-type]
    assert len(drawn) == 2
