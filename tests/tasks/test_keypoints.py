"""Keypoints by coordinates: metrics by hand, names, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score
from torch import Tensor
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import Keypoints, Regression

NAN = float("nan")
NAMES = ["left_eye", "right_eye", "nose"]


def points(samples: int = 50, seed: int = 0, missing: bool = True) -> Tensor:
    found = 40 * torch.rand(samples, 6, generator=torch.Generator().manual_seed(seed))
    if missing:
        found[::6] = NAN
        found[1::4, 2] = NAN
        found[2::5, :4] = NAN
    return found


def fitted(**options: Any) -> Keypoints:
    task = Keypoints(NAMES, **options)
    task.learn_statistics("face", points(200, 1))
    return task


def measured(task: Keypoints, output: Tensor, target: Tensor) -> dict[str, float]:
    metrics = task.metrics()
    for rows in torch.arange(len(output)).split(17):
        task.update_metrics(metrics, output[rows], target[rows])
    return {name: float(value) for name, value in metrics.compute().items()}


def near(task: Keypoints, samples: int = 50) -> Tensor:
    """Outputs that are a few pixels off."""
    noise = 4 * torch.randn(samples, 6, generator=torch.Generator().manual_seed(3))
    return (points(samples, missing=False) + noise - task.mean) / task.deviation


@pytest.mark.parametrize("reference", [None, 30.0, ["left_eye", "nose"]])
def test_metrics_are_those_of_a_loop_over_samples_and_points(reference: Any) -> None:
    task, target = fitted(reference=reference), points()
    output = near(task)
    prediction = task.predict(output).double().numpy().reshape(-1, 3, 2)
    pixels, relative = [], []
    for guess, true in zip(prediction, target.double().numpy().reshape(-1, 3, 2), strict=True):
        known = np.isfinite(true).all(1)
        apart = np.sqrt(((guess - true) ** 2).sum(1))
        size = {type(None): NAN, float: 30.0}.get(type(reference), NAN)
        if reference is None and known.any():
            size = float(np.linalg.norm(true[known].max(0) - true[known].min(0)))
        elif isinstance(reference, list) and known[[0, 2]].all():
            size = float(np.linalg.norm(true[0] - true[2]))
        pixels += list(apart[known])
        relative += list(apart[known] / size) if size > 0 else []
    found = measured(task, output, target)
    assert len(relative) <= len(pixels) < 120
    assert found["distance"] == pytest.approx(np.mean(pixels), rel=1e-6)
    assert found["nme"] == pytest.approx(np.mean(relative), rel=1e-6)
    assert found["pck_10"] == pytest.approx(np.mean(np.array(relative) <= 0.1), abs=1e-6)
    assert found["pck_20"] == pytest.approx(np.mean(np.array(relative) <= 0.2), abs=1e-6)
    assert 0 < found["pck_10"] < found["pck_20"]


@pytest.mark.parametrize("area", [None, 700.0])
def test_oks_is_that_of_pycocotools(area: float | None) -> None:
    sigmas = [0.025, 0.1, 0.2]
    task, target = fitted(sigmas=sigmas, area=area), points()
    output = near(task)
    prediction = task.predict(output).double().numpy().reshape(-1, 3, 2)
    each = []
    for guess, true in zip(prediction, target.double().numpy().reshape(-1, 3, 2), strict=True):
        known = np.isfinite(true).all(1)
        if not known.any():
            continue
        width, height = true[known].max(0) - true[known].min(0)
        size = 0.53 * width * height if area is None else area
        if size > 0:
            # As computeOks in pycocotools/cocoeval.py.
            variances = (np.array(sigmas) * 2) ** 2
            error = ((guess - true) ** 2).sum(1) / variances / size / 2
            each.append(np.exp(-error[known]).mean())
    assert measured(task, output, target)["oks"] == pytest.approx(np.mean(each), abs=1e-6)


def test_r2_is_scikit_learns_of_all_coordinates_together() -> None:
    task, target = fitted(), points(missing=False)
    output = near(task)
    expected = r2_score(target, task.predict(output), multioutput="variance_weighted")
    assert measured(task, output, target)["r2"] == pytest.approx(expected, abs=1e-6)


def test_loss_and_predictions_are_those_of_a_regression() -> None:
    task, plain, target = fitted(), Regression(6, scale="common"), points()
    plain.learn_statistics("face", points(200, 1))
    output = near(task)
    assert_close(task.loss(output, target), plain.loss(output, target))
    assert_close(task.predict(output), plain.predict(output))
    assert task.loss_group() is not None


def test_a_prediction_that_is_not_finite_is_not_left_out() -> None:
    task, target = fitted(), points()
    output = near(task)
    output[1, 0] = torch.inf
    assert measured(task, output, target)["distance"] == torch.inf


def test_points_have_names() -> None:
    names = [f"face.{point}.{axis}" for point in NAMES for axis in "xy"]
    assert fitted().column_names("face") == names
    assert Keypoints(2).column_names("face")[2:] == ["face.1.x", "face.1.y"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"points": 0}, "points is 0"),
        ({"points": "nose"}, "points is 'nose'; give a list of names"),
        ({"points": ["a", "b", "a"]}, "points lists 'a' more than once"),
        ({"points": ["nose"]}, "single point has no diagonal; set reference"),
        ({"points": 2, "reference": 0}, "reference is 0; give a length in pixels"),
        ({"points": NAMES, "reference": ["nose", "left_ey"]}, "did you mean 'left_eye'"),
        ({"points": NAMES, "reference": ["nose", "nose"]}, "the names of two points"),
        ({"points": 3, "sigmas": [0.1]}, "sigmas is .0.1.; give a number above 0 for each"),
        ({"points": 3, "area": 5.0}, "area is only used by oks, which needs sigmas"),
        ({"points": 2, "sigmas": [0.1, 0.1], "area": -1.0}, "area is -1.0"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Keypoints(**arguments)


def test_targets_of_other_points_are_refused() -> None:
    with pytest.raises(InputError, match="targets have 4 numbers, but 3 points have 6"):
        Keypoints(NAMES).check("face", torch.zeros(3, 4), "training")
