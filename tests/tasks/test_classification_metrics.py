"""Classification metrics are torchmetrics' own, of the known labels."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchmetrics import Metric
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
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
        "auroc": MulticlassAUROC(classes, thresholds=101),
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


@pytest.mark.filterwarnings("ignore:No (positive|negative) samples")
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
    assert found.keys() == expected.keys()
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


def test_histogram_auroc_keeps_torchmetrics_state() -> None:
    found, expected = HistogramAUROC(3), MulticlassAUROC(3, thresholds=101)
    scores, target = outputs("random", 3).softmax(1), torch.arange(300) % 3
    for metric in (found, expected):
        metric.update(scores, target)
    assert_close(found.confmat, expected.confmat.to(found.confmat))


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
    assert better == {"accuracy": True, "f1": True, "auroc": True, "calibration_error": False}
