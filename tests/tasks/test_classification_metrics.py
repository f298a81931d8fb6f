"""Classification metrics are torchmetrics' or scikit-learn's, of the known labels."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from torch import Tensor
from torch.testing import assert_close
from torchmetrics import Metric
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCalibrationError,
    MulticlassF1Score,
)

from multitask.tasks import Classification
from multitask.tasks.auroc import HistogramAUROC
from multitask.tasks.calibration_error import CalibrationError


def reference(classes: int) -> dict[str, Metric]:
    return {
        "accuracy": MulticlassAccuracy(classes, average="micro"),
        "f1": MulticlassF1Score(classes, average="macro"),
        "calibration_error": MulticlassCalibrationError(classes, n_bins=15, norm="l1"),
    }


def outputs(kind: str, classes: int) -> Tensor:
    generator = torch.Generator().manual_seed(classes)
    noise = torch.randn(300, classes, generator=generator)
    if kind == "certain":
        return 200 * noise
    if kind == "uniform":
        return torch.zeros(300, classes)
    if kind == "on thresholds":
        top = torch.tensor([0.5, 0.75, 1.0])[torch.randint(3, (300, 1), generator=generator)]
        order = noise.argsort(1)[:, :2]
        return torch.zeros(300, classes).scatter(1, order, torch.cat([top, 1 - top], 1)).log()
    return noise


@pytest.mark.parametrize("kind", ["random", "certain", "uniform", "on thresholds"])
@pytest.mark.parametrize(("classes", "present"), [(2, 2), (5, 5), (5, 3)])
def test_metrics_equal_torchmetrics(kind: str, classes: int, present: int) -> None:
    task = Classification(classes)
    output = outputs(kind, classes).clamp_min(-1e4)
    target = torch.randint(present, (300,), generator=torch.Generator().manual_seed(1))
    target[torch.arange(300) % 4 == 1] = -100
    target[100:150] = -100
    metrics, expected = task.metrics(), reference(classes)
    for rows in torch.arange(300).split([100, 50, 1, 149]):
        task.update_metrics(metrics, output[rows], target[rows])
    known = target >= 0
    for metric in expected.values():
        metric.update(output[known].softmax(1), target[known])
    found = metrics.compute()
    assert found.keys() == expected.keys() | {"auroc", "balanced_accuracy", "nll", "brier"}
    truth, guess = target[known], output[known].argmax(1)
    with warnings.catch_warnings():
        # A class that is predicted may not occur.
        warnings.simplefilter("ignore")
        balanced = balanced_accuracy_score(truth, guess)
    assert float(found["balanced_accuracy"]) == pytest.approx(balanced)
    for name, metric in expected.items():
        value = metric.compute().float()
        assert_close(found[name].float(), value, msg=lambda text, name=name: f"{name}: {text}")


def test_half_precision_outputs_are_measured_in_single_precision() -> None:
    task, output = Classification(3), outputs("random", 3).bfloat16()
    target = torch.arange(300) % 3
    found, expected = task.metrics(), task.metrics()
    task.update_metrics(found, output, target)
    task.update_metrics(expected, output.float(), target)
    assert_close(found.compute(), expected.compute())


def exact_auroc(scores: Tensor, target: Tensor) -> float:
    """scikit-learn's one-against-rest area, the mean over the classes that occur."""
    present = target.unique().tolist()
    return float(np.mean([roc_auc_score(target == label, scores[:, label]) for label in present]))


def auroc(scores: Tensor, target: Tensor) -> float:
    metric = HistogramAUROC(scores.shape[1])
    for rows in torch.arange(len(target)).split(170):
        metric.update(scores[rows], target[rows])
    return float(metric.compute())


@pytest.mark.parametrize("certainty", [0.1, 1.0, 10.0])
@pytest.mark.parametrize(("classes", "present"), [(2, 2), (3, 3), (10, 5), (200, 150)])
def test_auroc_is_scikit_learns_within_a_thousandth(
    classes: int, present: int, certainty: float
) -> None:
    generator = torch.Generator().manual_seed(classes)
    target = torch.randint(present, (400,), generator=generator)
    logits = torch.randn(400, classes, generator=generator)
    logits[torch.arange(400), target] += 2
    scores = (certainty * logits).softmax(1)
    assert auroc(scores, target) == pytest.approx(exact_auroc(scores, target), abs=1e-3)


def test_auroc_of_a_perfect_predictor_is_1_whatever_classes_are_absent() -> None:
    target = torch.arange(50) % 5
    assert auroc(torch.eye(10)[target], target) == 1


@pytest.mark.parametrize("classes", [2, 3, 10, 200])
def test_auroc_of_equal_scores_is_a_half(classes: int) -> None:
    target = torch.arange(400) % classes
    assert auroc(torch.zeros(400, classes).softmax(1), target) == 0.5


def test_auroc_of_one_class_only_is_undefined() -> None:
    assert np.isnan(auroc(outputs("random", 3).softmax(1), torch.ones(300, dtype=torch.int64)))


def test_auroc_counts_of_parts_add_up_exactly() -> None:
    scores, target = outputs("random", 3).softmax(1), torch.arange(300) % 3
    whole, first, second = HistogramAUROC(3), HistogramAUROC(3), HistogramAUROC(3)
    whole.update(scores, target)
    first.update(scores[:100], target[:100])
    second.update(scores[100:], target[100:])
    assert torch.equal(first.counts + second.counts, whole.counts)


def test_calibration_error_of_two_parts_adds_up() -> None:
    scores, target = outputs("random", 4).softmax(1), torch.arange(300) % 4
    whole, first, second = CalibrationError(), CalibrationError(), CalibrationError()
    whole.update(scores, target)
    first.update(scores[:100], target[:100])
    second.update(scores[100:], target[100:])
    for name in ("count", "confidence", "correct"):
        getattr(first, name).add_(getattr(second, name))
    assert_close(first.compute(), whole.compute())


def test_calibration_error_without_a_sample_is_nan() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert CalibrationError().compute().isnan()


def test_directions_of_the_metrics() -> None:
    better = {name: metric.higher_is_better for name, metric in Classification(3).metrics().items()}
    for name in ("calibration_error", "nll", "brier"):
        assert better.pop(name) is False
    assert better == dict.fromkeys(("accuracy", "balanced_accuracy", "f1", "auroc"), True)
