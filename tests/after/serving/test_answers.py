"""Predictions as JSON: numbers that are none, names that are equal, maps."""

from __future__ import annotations

import json
from base64 import b64decode
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from multitask.after.serving.answers import answers
from multitask.after.serving.pictures import class_colours, in_colours


def answered(values: Any, **task: Any) -> dict[str, Any]:
    """The answer for one image, as JSON brings it."""
    batch = np.asarray(values)[None]
    found = answers({"tasks": {"task": task}}, {"task": batch})["task"]
    return json.loads(json.dumps(found, allow_nan=False))


def array_of(answer: dict[str, Any]) -> np.ndarray:
    return np.load(BytesIO(b64decode(answer["npy"])))


def pixels_of(picture: str) -> np.ndarray:
    kind, _, content = picture.partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(BytesIO(b64decode(content))))


def test_numbers_have_the_digits_of_their_precision() -> None:
    assert answered(np.array([0.1], np.float32))["value"] == 0.1
    assert answered(np.array([-30000.000123], np.float64))["value"] == -30000.000123
    assert answered(np.float32(7), unit="mm") == {"kind": "number", "value": 7, "unit": "mm"}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_null(value: float) -> None:
    assert answered([value])["value"] is None
    found = answered([value, 0.5], classes=["a", "b"])
    assert found["probabilities"]["a"] is None
    assert answered(np.full((2, 3), value))["maximum"] is None
    assert answered(np.full((2, 2, 2), value), classes=["a", "b"])["probability"] is None


def test_probabilities_that_are_no_numbers_choose_no_class() -> None:
    found = answered([np.nan, np.nan], classes=["a", "b"])
    assert (found["value"], found["probability"]) == (None, None)


def test_uncertainty_stands_beside_its_prediction() -> None:
    told = {"pos": {"elements": ["x", "y"], "calibration": {"level": 0.8}}, "kind": {}}
    pair = np.array([[1.0, np.nan]])
    found = answers(
        {"tasks": told},
        {
            "kind": np.array([[0.5, 0.5]]),
            "kind.entropy": np.array([0.5]),
            "kind.map": np.zeros((1, 2, 2)),
            "pos": pair,
            "pos.low": pair,
            "boxes.corner": pair,
        },
    )
    assert list(found) == ["kind", "pos", "boxes.corner"]
    assert found["kind"]["uncertainty"] == {"entropy": 0.5}
    assert found["pos"]["uncertainty"] == {"low": {"x": 1, "y": None}}
    assert found["pos"]["level"] == 0.8
    assert "uncertainty" not in found["boxes.corner"]


def test_elements_by_name_or_number() -> None:
    assert answered([1.0, 2.0], elements=["x", "y"])["value"] == {"x": 1, "y": 2}
    assert answered([1.0, 2.0])["value"] == {"0": 1, "1": 2}
    assert answered([1.0, 2.0], elements=["x"])["value"] == {"0": 1, "1": 2}


def test_equal_names_hide_nothing() -> None:
    assert answered([1.0, 2.0], elements=["x", "x"])["value"] == {"x (0)": 1, "x (1)": 2}
    found = answered([0.25, 0.75], classes=["a", "a"])
    assert found["probabilities"] == {"a (0)": 0.25, "a (1)": 0.75}
    assert found["value"] == "a (1)"


def test_of_very_many_classes_the_most_probable_are_told() -> None:
    shares = np.arange(5000, dtype=np.float64)
    found = answered(shares, classes=list(map(str, range(5000))))
    assert len(found["probabilities"]) == 1000
    assert min(found["probabilities"].values()) == 4000
    assert found["classes"] == 5000


def test_a_map_of_classes() -> None:
    values = np.zeros((300, 4, 5), np.float32)
    values[7], values[299, 0] = 0.6, 0.9
    found = answered(values, classes=[f"class {each}" for each in range(300)])
    assert found["shares"] == {"class 7": 0.75, "class 299": 0.25}
    assert found["probability"] == pytest.approx(0.675)
    assert array_of(found).tolist() == values.argmax(0).tolist()
    shown, sure = (pixels_of(each["picture"]) for each in found["pictures"])
    assert "#" + bytes(shown[1, 0]).hex() == found["colours"]["class 7"]
    assert (sure[0, 0], sure[3, 0]) == (round(0.9 * 255), round(0.6 * 255))


def test_a_map_of_numbers() -> None:
    values = np.array([[[-1e38, np.nan], [0, 1e38]], [[5, 5], [5, 5]]], np.float32)
    found = answered(values, unit="m")
    assert (found["minimum"], found["maximum"], found["unit"]) == (-1e38, 1e38, "m")
    assert np.array_equal(array_of(found), values, equal_nan=True)
    first, second = (pixels_of(each["picture"]) for each in found["pictures"])
    assert first[0, 0].tolist() == [68, 1, 84]
    assert first[0, 1].tolist() == [128, 128, 128]
    assert first[1, 1].tolist() == [253, 231, 37]
    assert len(np.unique(second.reshape(-1, 3), axis=0)) == 1


def test_what_a_task_of_another_kind_predicts() -> None:
    values = np.ones((2, 3, 4, 5), np.float32)
    found = answered(values)
    assert (found["kind"], found["shape"]) == ("array", [2, 3, 4, 5])
    assert np.array_equal(array_of(found), values)
    unknown = answers({"tasks": {}}, {"other.part": np.ones((1, 1))})
    assert unknown["other.part"]["value"] == 1


def test_colours_differ() -> None:
    assert len(np.unique(class_colours(100), axis=0)) == 100
    assert in_colours(np.zeros((0, 0))).shape == (0, 0, 3)
