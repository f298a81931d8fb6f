"""A model file's description of the model, as text that any program can read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from multitask.errors import InputError
from multitask.images.format import ImageFormat

KEY = "multitask"
"""Name of the property that contains it."""
FORMAT = 1
DEEPEST = 100
"""Largest nesting depth; no description has a tenth of it."""
LARGEST_SIDE = 32_768
"""Largest side of an image that a model accepts, in pixels."""
LARGEST_NUMBER = 1e300
"""Upper limit of values in a calibration; NaN is not below it either."""
MOST_DIGITS = 300
"""Most digits of a number; floats have fewer, and Python converts no integer with thousands."""


def metadata(description: Mapping[str, Any], tasks: list[str]) -> str:
    """Write the description for a file.

    Args:
        description: see `multitask.training.description.describe`.
        tasks: the model's tasks, in order.

    Returns:
        JSON with ``format``, ``version`` of the package, and ``description``, in which all
        transforms have already been applied.
    """
    told = {
        "data": description.get("data"),
        "inputs": description["inputs"],
        "transforms": [],
        "tasks": {name: description["tasks"][name] for name in tasks},
    }
    return json.dumps({"format": FORMAT, "version": version("multitask"), "description": told})


def read_metadata(text: str, place: str) -> dict[str, Any]:
    """Read the result of `metadata` from an untrusted file.

    Args:
        text: value of the property.
        place: the file, for messages.

    Returns:
        The description.

    Raises:
        InputError: if it is damaged, or was written by a later version.
    """
    found = read_json(text, place)
    check_format(found, place, FORMAT)
    description = found.get("description")
    check_description(description, place)
    return description  # type: ignore[return-value]


def check_format(found: Mapping[str, Any], place: str, newest: int) -> None:
    """Reject files written by another program or a later version.

    Args:
        found: an object with ``format`` and ``version``.
        place: where it was found, for messages.
        newest: the latest supported format.

    Raises:
        InputError: with the reason.
    """
    number = found.get("format")
    if not isinstance(number, int) or number < 1:
        raise InputError(f"{place} was not written by multitask export: it has no format")
    if number > newest:
        raise InputError(
            f"{place} was written by multitask {found.get('version')}, in format {number}, and "
            f"this version reads formats up to {newest}; update the package"
        )


def check_description(description: Any, place: str) -> None:
    """Reject an invalid description.

    Args:
        description: value read from a file.
        place: the file, for messages.

    Raises:
        InputError: with what is invalid.
    """
    if not _is_plain(description, DEEPEST):
        raise InputError(
            f"{place}: its description is damaged: it contains more than texts and numbers"
        )
    for key in ("inputs", "tasks"):
        if not isinstance(description, dict) or not isinstance(description.get(key), dict):
            raise InputError(f"{place}: its description of the model is damaged: it has no {key}")
    for name, task in description["tasks"].items():
        wrong = None if isinstance(task, dict) else "is not a mapping"
        for key in ("classes", "elements") if wrong is None else ():
            if not _are_texts(task.get(key)):
                wrong = f"has {key} that are not texts"
        if wrong is None and not isinstance(task.get("unit") or "", str):
            wrong = "has a unit that is not text"
        if wrong is None and not _is_calibration(task.get("calibration")):
            wrong = "has a calibration that is not finite numbers by name"
        if wrong is not None:
            raise InputError(f"{place}: its description is damaged: the task '{name}' {wrong}")
    tables = description.get("tables")
    if tables is not None and not (isinstance(tables, list) and all(map(_is_table, tables))):
        raise InputError(
            f"{place}: its description is damaged: it does not record how tables are read"
        )


def _is_plain(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        inner = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple):
        inner = list(value)
    else:
        return value is None or isinstance(value, str | int | float)
    return levels > 0 and all(_is_plain(each, levels - 1) for each in inner)


def _is_table(told: Any) -> bool:
    """Whether a value describes how to read a table, see `multitask.data.DataModule.tables`."""
    if not isinstance(told, dict) or not isinstance(told.get("targets"), dict):
        return False
    texts = [told.get(key) for key in ("image_column", "image_ending", "separator", "group")]
    targets = told["targets"].values()
    return (
        all(isinstance(each, str | None) for each in [*texts, told.get("before")])
        and _are_plain(told.get("missing"))
        and all(isinstance(each, dict) and _is_target(each) for each in targets)
    )


def _is_target(told: Mapping[str, Any]) -> bool:
    columns, follows = told.get("columns"), told.get("follows")
    several = isinstance(columns, list) and len(columns) > 0 and _are_texts(columns)
    return (
        (isinstance(columns, str) or several)
        and _are_texts(told.get("classes"))
        and _are_texts(told.get("labels"))
        and all(isinstance(told.get(key), str | None) for key in ("between", "none"))
        and _are_plain(told.get("missing"))
        and isinstance(follows, dict | str | None)
        and isinstance(told.get("map"), dict | str | None)
        and isinstance(told.get("boxes"), dict | str | None)
        and all(isinstance(told.get(key), str | None) for key in ("map_folder", "map_ending"))
        and told.get("box") in (None, "xyxy", "xywh", "cxcywh")
    )


def _is_calibration(told: Any) -> bool:
    """Whether a value may be a calibration; the task checks the numbers."""
    if not isinstance(told, dict):
        return told is None
    inner = [each if isinstance(each, list | tuple) else [each] for each in told.values()]
    numbers = [each for several in inner for each in several]
    return all(type(each) in (int, float) and abs(each) < LARGEST_NUMBER for each in numbers)


def _are_plain(values: Any) -> bool:
    is_list = values is None or isinstance(values, list | tuple)
    return is_list and all(isinstance(each, str | int | float) for each in values or ())


def format_of(told: Any, place: str) -> ImageFormat:
    """The image format in an untrusted description.

    Args:
        told: the arguments of `multitask.images.format.ImageFormat`.
        place: the file, for messages.

    Raises:
        InputError: if they are not a size, or images would be larger than any model accepts.
    """
    try:
        if not all(isinstance(each, str | int) for each in told.values()):
            raise TypeError("a setting is not a number or a text")
        format = ImageFormat(**told)
        sizes = [format.height, format.width, format.white, format.most_pixels]
        if not all(type(each) is int for each in sizes):
            raise TypeError("a size is not a whole number")
    except (AttributeError, TypeError, InputError) as error:
        raise InputError(f"{place}: its image format is damaged ({error})") from error
    if max(format.height, format.width) > LARGEST_SIDE:
        raise InputError(
            f"{place}: its image format is damaged (images of {format.height} x {format.width} "
            "pixels are larger than any model accepts)"
        )
    return format


def read_json(text: str, place: str) -> dict[str, Any]:
    """Read a JSON object from an untrusted file.

    Args:
        text: the whole text.
        place: where it was found, for messages.

    Raises:
        InputError: if it is not JSON, nested too deeply, or contains a number with too many digits.
    """
    try:
        found = json.loads(text, parse_int=_whole_number)
    except RecursionError:
        raise InputError(f"{place}: it is nested more than {DEEPEST} levels deep") from None
    except ValueError as error:
        raise InputError(f"{place}: it is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise InputError(f"{place}: it is not a JSON object, {{...}}")
    if _is_deeper(found, DEEPEST):
        raise InputError(f"{place}: it is nested more than {DEEPEST} levels deep")
    return found


def _whole_number(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of more than {MOST_DIGITS} digits")
    return int(digits)


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)


def _are_texts(values: Any) -> bool:
    return values is None or (
        isinstance(values, list) and all(isinstance(each, str) for each in values)
    )
