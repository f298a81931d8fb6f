"""Description of a model's inputs and outputs, so that its checkpoint is sufficient to use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from inspect import signature
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_warn

from multitask.checkpoints.format import EPISODES
from multitask.checkpoints.recipe import recipe
from multitask.errors import InputError
from multitask.tasks import Task
from multitask.tasks.naming import element_names

TEXT, COLUMNS = "text", "columns"
"""Kinds of inputs in a description, in addition to images."""


def describe(tasks: Mapping[str, Task], data: Any) -> dict[str, Any]:
    """Describe a model's inputs and tasks, in types that a safe checkpoint can hold.

    Args:
        tasks: the model's tasks by name.
        data: the `multitask.data.DataModule` that it is trained on, loaded.

    Returns:
        ``data``: the class of the data. ``inputs``: see `described_inputs`. ``transforms``: recipes
        of the transforms that images then pass through, None if these do not show how they were
        built. ``tasks``: by name, the ``kind`` of the task and a description of its targets:
        ``classes``, ``unit`` and ``elements``, if known. ``tables``: how tables of further samples
        are read, see `multitask.data.DataModule.tables`. ``episodes``: true if the data consist of
        episodes, so that the model must adapt before it predicts; otherwise omitted.
        ``training_images``, which a checkpoint stores separately: hashes that identify the training
        images, int64, shape ``[images]``; None if not known.
    """
    return {
        "data": f"{type(data).__module__}.{type(data).__qualname__}",
        **({EPISODES: True} if data.deals_episodes else {}),
        "inputs": described_inputs(data),
        "transforms": _transforms(data),
        "tasks": described_tasks(tasks, data),
        "tables": _tables(data),
        "training_images": _training_images(data),
    }


def described_inputs(data: Any) -> dict[str, Any]:
    """Describe the inputs, as part of `describe`.

    Args:
        data: the `multitask.data.DataModule`, loaded.

    Returns:
        By name; None if it is not known how that input is made. An image: the arguments of
        `multitask.images.format.ImageFormat`. A text: ``kind`` ``text``; ``columns``, the names of
        the columns that are joined; ``tokenizer``, a recipe; ``files``, additional files of the
        tokenizer, contents by file name; ``missing``, texts that mean that it is missing. Numbers
        and categories: ``kind`` ``columns``; ``columns``, their names in the order of the input;
        ``categories``, by column, in the order of their numbers; and ``missing``.
    """
    inputs: dict[str, Any] = dict.fromkeys(data.splits["train"].inputs(torch.tensor([0])))
    image = data.image_format()
    if "image" in inputs and image is not None:
        inputs["image"] = asdict(image)
    written = data.written_inputs()
    return {
        name: written_told(written[name]) if name in written else inputs[name] for name in inputs
    }


def described_tasks(tasks: Mapping[str, Task], data: Any) -> dict[str, Any]:
    """Describe the tasks, as part of `describe`.

    Args:
        tasks: the model's tasks by name.
        data: the `multitask.data.DataModule`.
    """
    classes, elements = data.class_names(), data.element_names()
    return {
        name: _task(task, classes.get(name), element_names(task, elements.get(name)))
        for name, task in tasks.items()
    }


def take_names(tasks: Mapping[str, Task], described: Mapping[str, Any]) -> None:
    """Name the classes and the elements of vectors as in a description.

    Args:
        tasks: the model's tasks by name.
        described: see `described_tasks`.

    Raises:
        InputError: if a description has the wrong number of names.
    """
    for name, task in tasks.items():
        for what, size in (("classes", "num_classes"), ("elements", "size")):
            names = described.get(name, {}).get(what)
            if names is None or not hasattr(task, what):
                continue
            if len(names) != getattr(task, size, len(names)):
                raise InputError(
                    f"task '{name}': its description has {len(names)} names of {what}, but it has "
                    f"{getattr(task, size)} {what}"
                )
            setattr(task, what, [str(each) for each in names])


def written_told(given: Any) -> dict[str, Any]:
    """Describe a text, or numbers and categories, as part of `described_inputs`.

    Args:
        given: a `multitask.tables.input_columns.InputColumns`.
    """
    missing = list(map(str, given.missing))
    if given.column is None:
        categories = {name: recipe(list(each)) for name, each in given.categories.items()}
        told = {"columns": list(given.columns), "categories": categories, "missing": missing}
        return {"kind": COLUMNS, **told}
    columns = [given.column] if isinstance(given.column, str) else list(given.column)
    tokenizer = recipe(given.tokenizer)
    # They are stored next to the recipe, whether the tokenizer was made from them or found them.
    tokenizer.get("init_args", {}).pop("files", None)
    files = given.tokenizer.files()
    told = {"columns": columns, "tokenizer": tokenizer, "files": files, "missing": missing}
    return {"kind": TEXT, **told}


def made_otherwise(told: Mapping[str, Any], data: Any) -> str | None:
    """Find the first text, or input of columns, that data make differently than a description.

    Args:
        told: see `described_inputs`.
        data: the `multitask.data.DataModule`, loaded.

    Returns:
        Its name; None if all are made in the same way, as far as is known.
    """
    for name, given in data.written_inputs().items():
        then, now = told.get(name), written_told(given)
        if isinstance(then, dict) and _key(then, given) != _key(now, given):
            return str(name)
    return None


def other_written(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str | None:
    """Find the first input, other than an image, that two runs make differently; None if none.

    Args:
        ours: see `described_inputs`.
        theirs: those of the other run.
    """
    for name in {**ours, **theirs}:
        each = ours.get(name), theirs.get(name)
        if any(isinstance(told, dict) and "kind" in told for told in each) and each[0] != each[1]:
            return name
    return None


def _key(told: Mapping[str, Any], given: Any) -> Any:
    """The common key of inputs that are made in the same way."""
    if told.get("kind") != TEXT or given.column is None:
        return told.get("kind"), told.get("columns"), told.get("categories")
    tokenizer = told.get("tokenizer") or {}
    parameters = signature(type(given.tokenizer).__init__).parameters.items()
    usual = {name: each.default for name, each in parameters if each.default is not each.empty}
    settings = usual | (tokenizer.get("init_args") or {}) | {"files": told.get("files")}
    return len(told.get("columns") or ()), tokenizer.get("class_path"), settings


def _tables(data: Any) -> list[Any]:
    # How inputs are made is stored separately, once: a tokenizer's files may be large.
    tables = data.tables()
    told = [{key: each for key, each in one.items() if key != "inputs"} for one in tables]
    try:
        return list(map(recipe, told))
    except InputError as error:
        rank_zero_warn(
            f"{error}, so the checkpoints do not record how a table of further samples is read; "
            "multitask evaluate expects columns named like the tasks"
        )
        return []


def _training_images(data: Any) -> torch.Tensor | None:
    known = data.training_images
    return None if known is None else torch.from_numpy(known.view(np.int64))


def _transforms(data: Any) -> list[Any] | None:
    if data.recipe_of_transforms is not None:
        return list(data.recipe_of_transforms)
    try:
        return [recipe(each) for each in data.transforms]
    except InputError as error:
        rank_zero_warn(
            f"{error}, so the checkpoints do not record how images are transformed; give "
            "transforms in a configuration, or pass transforms=... to multitask.load"
        )
        return None


def _task(task: Task, in_data: list[str] | None, elements: list[str] | None) -> dict[str, Any]:
    names = task.class_names
    is_numbered = names is not None and names == list(map(str, range(len(names))))
    if is_numbered and names is not None and in_data is not None and len(in_data) == len(names):
        names = in_data
    unit = getattr(task, "unit", None)
    found = {"classes": names, "unit": unit or None, "elements": elements}
    known = {key: value for key, value in found.items() if value is not None}
    return {"kind": type(task).__name__, **known}
