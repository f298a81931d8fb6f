"""How much each class counts in the loss."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import Classification, Segmentation
from multitask.tasks.class_weights import balanced_weights

TARGETS = torch.tensor([0] * 6 + [1] * 2 + [-100] * 5)


def learnt(**options: Any) -> torch.Tensor:
    task = Classification(3, class_weights="balanced", **options)
    task.learn_statistics("kind", TARGETS)
    return task.class_weights


def test_balanced_weights_are_scikit_learns_for_classes_that_occur() -> None:
    # 8 labels, 2 classes that occur: 8 / (2 * count); the third as with one sample.
    assert_close(learnt(), torch.tensor([8 / 12, 8 / 4, 8 / 2]))


@pytest.mark.parametrize(("beta", "expected"), [(0.0, 1.0), (0.9, None), (0.999999, 3.0)])
def test_effective_number_lies_between_equal_and_balanced(
    beta: float, expected: float | None
) -> None:
    weights = learnt(effective_number=beta)
    ratio = expected or (1 - beta**6) / (1 - beta**2)
    assert float(weights[1] / weights[0]) == pytest.approx(ratio, rel=1e-4)
    assert float((weights[:2] * torch.tensor([6.0, 2.0])).sum() / 8) == pytest.approx(1)


def test_mean_loss_gives_every_class_the_same_say() -> None:
    task = Classification(2, class_weights="balanced")
    target = torch.tensor([0] * 9 + [1])
    task.learn_statistics("kind", target)
    output = torch.randn(10, 2, generator=torch.Generator().manual_seed(0))
    total, count = task.loss(output, target)
    each = torch.nn.functional.cross_entropy(output, target, reduction="none")
    assert_close(total / count, (each[:9].mean() + each[9]) / 2)


def test_segmentation_counts_pixels() -> None:
    task = Segmentation(2, class_weights="balanced", effective_number=0.5)
    target = torch.zeros(2, 4, 4, dtype=torch.int64)
    target[0, 0, 0] = 1
    task.learn_statistics("mask", target)
    counts = torch.tensor([31.0, 1.0])
    assert_close(task.class_weights, balanced_weights(counts, 0.5))


def test_weights_are_in_the_checkpoint() -> None:
    assert "class_weights" in Classification(2, class_weights="balanced").state_dict()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"class_weights": "even"}, "class_weights is 'even'; give balanced"),
        ({"effective_number": 0.9}, "affects balanced weights"),
        ({"class_weights": [1.0, 2.0, 3.0], "effective_number": 0.9}, "affects balanced weights"),
        ({"class_weights": "balanced", "effective_number": 1.0}, "at least 0 and below 1"),
        ({"class_weights": "balanced", "effective_number": -0.1}, "at least 0 and below 1"),
        ({"class_weights": "balanced", "effective_number": float("nan")}, "at least 0 and below 1"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Classification(3, **options)
