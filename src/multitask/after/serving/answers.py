"""Predictions for one image, as JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from multitask.after.serving.pictures import class_colours, in_colours, npy, picture

Values = np.ndarray[Any, Any]
Answer = dict[str, Any]
MOST_LISTED = 1000
"""Most classes whose probabilities are returned; with more, the most probable ones."""
MOST_PICTURES = 4
"""Most channels of a map that are drawn as pictures."""


def answers(description: Mapping[str, Any], predictions: Mapping[str, Values]) -> dict[str, Answer]:
    """Convert a model's predictions for one image.

    Args:
        description: see `multitask.training.description.describe`.
        predictions: predictions by task, first axis ``[1]``; after a task, its uncertainty as
            ``<task>.<what>``.

    Returns:
        Answers by task, see `multitask.after.serving.schema`; values that are not finite are None.
    """
    tasks = description["tasks"]
    found: dict[str, Answer] = {}
    for name, each in predictions.items():
        task, _, what = name.partition(".")
        if what and task in found:
            _add_uncertainty(found[task], tasks.get(task, {}), what, each[0])
        else:
            found[name] = _answer(tasks.get(name, {}), each[0])
    return found


def _add_uncertainty(answer: Answer, task: Mapping[str, Any], what: str, values: Values) -> None:
    """Add one uncertainty, or one per element, beside the corresponding prediction."""
    if values.ndim > 1:
        return
    found = answer.setdefault("uncertainty", {})
    found[what] = number(values.reshape(())) if values.size == 1 else _by_element(task, values)
    level = (task.get("calibration") or {}).get("level")
    if isinstance(level, float):
        answer["level"] = level


def _answer(task: Mapping[str, Any], values: Values) -> Answer:
    classes, unit = different(task.get("classes") or ()), task.get("unit")
    has_classes = values.ndim in (1, 3) and len(values) == len(classes) > 0
    if has_classes:
        return (_class if values.ndim == 1 else _class_map)(classes, values)
    if values.size == 1 and values.ndim <= 1:
        return {"kind": "number", "value": number(values.reshape(())), "unit": unit}
    if values.ndim == 1:
        return {"kind": "vector", "value": _by_element(task, values), "unit": unit}
    if values.ndim in (2, 3):
        return {**_number_map(values if values.ndim == 3 else values[None]), "unit": unit}
    return {"kind": "array", "shape": list(values.shape), "npy": npy(values), "unit": unit}


def _by_element(task: Mapping[str, Any], values: Values) -> dict[str, float | None]:
    names = different(task.get("elements") or ())
    if len(names) != len(values):
        names = list(map(str, range(len(values))))
    return dict(zip(names, map(number, values), strict=True))


def _class(classes: Sequence[str], probabilities: Values) -> Answer:
    best = int(probabilities.argmax())
    is_known = isfinite(probabilities[best])
    listed: Sequence[int] = range(len(classes))
    if len(classes) > MOST_LISTED:
        listed = np.argsort(-probabilities, kind="stable")[:MOST_LISTED].tolist()
    return {
        "kind": "class",
        "value": classes[best] if is_known else None,
        "probability": number(probabilities[best]),
        "probabilities": {classes[each]: number(probabilities[each]) for each in listed},
        "classes": len(classes),
    }


def _class_map(classes: Sequence[str], probabilities: Values) -> Answer:
    numbers, sureness = probabilities.argmax(0), probabilities.max(0)
    small = numbers.astype(np.uint8 if len(classes) <= 256 else np.int32)
    counts = np.bincount(numbers.ravel(), minlength=len(classes))
    colours = class_colours(len(classes))
    shares = {classes[each]: counts[each] / numbers.size for each in counts.argsort()[::-1]}
    present = {name: float(share) for name, share in shares.items() if share}
    places = {name: place for place, name in enumerate(classes)}
    grey = np.nan_to_num(sureness * 255).clip(0, 255).round().astype(np.uint8)
    return {
        "kind": "class_map",
        "shape": list(numbers.shape),
        "shares": present,
        "colours": {name: "#" + bytes(colours[places[name]]).hex() for name in present},
        "probability": number(sureness.mean()),
        "npy": npy(small),
        "pictures": [
            {"caption": "the class of each pixel", "picture": picture(colours[numbers])},
            {
                "caption": "its probability, from black for 0 to white for 1",
                "picture": picture(grey),
            },
        ],
    }


def _number_map(values: Values) -> Answer:
    known = values[np.isfinite(values)]
    shown = enumerate(values[:MOST_PICTURES])
    return {
        "kind": "number_map",
        "shape": list(values.shape),
        "minimum": number(known.min()) if known.size else None,
        "mean": number(known.mean(dtype=np.float64).astype(known.dtype)) if known.size else None,
        "maximum": number(known.max()) if known.size else None,
        "npy": npy(values),
        "pictures": [
            {"caption": _caption(place, values), "picture": picture(in_colours(each))}
            for place, each in shown
        ],
    }


def _caption(place: int, values: Values) -> str:
    which = f"element {place} of {len(values)}, " if len(values) > 1 else ""
    return f"{which}from dark for the smallest number to bright for the largest"


def different(names: Sequence[Any]) -> list[str]:
    """Make names unique; equal names get their numbers.

    Args:
        names: names of classes or elements.
    """
    texts = list(map(str, names))
    if len(set(texts)) == len(texts):
        return texts
    return [f"{each} ({place})" for place, each in enumerate(texts)]


def number(value: Any) -> float | None:
    """A number as JSON stores it, with the digits of its precision; None if not finite."""
    return float(str(value)) if isfinite(value) else None
