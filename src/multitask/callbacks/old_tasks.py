"""Checks that the tasks and inputs of an old run mean the same as those of a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from multitask.callbacks.old_run import OldRun
from multitask.checkpoints.same_task import Told, difference, kept_statistics, weights_of
from multitask.data import DataModule
from multitask.errors import InputError, nearest
from multitask.module import Batch, MultiTask, Outputs
from multitask.pages.words import listed
from multitask.tasks.output import each_tensor, rows_of
from multitask.training.description import described_tasks, made_otherwise

LOOKED_AT = 2
"""Number of samples that both models are compared on."""


def kept_names(old: OldRun, model: MultiTask, given: Sequence[str] | None) -> list[str]:
    """The tasks to keep, each of which exists in both models.

    Args:
        old: the old run.
        model: the new model.
        given: the names that the user gave; None for all tasks of the old run.

    Raises:
        InputError: with the task that one of them lacks.
    """
    theirs, ours = old.model.named_tasks, model.named_tasks
    for name in theirs if given is None else given:
        if name not in theirs:
            raise InputError(
                f"the checkpoint {old.path} has no task '{name}'{nearest(name, theirs)}"
            )
        if name not in ours:
            raise InputError(
                f"the model has no task '{name}' of the checkpoint {old.path}; add it to "
                "model.tasks, or name the tasks to keep with tasks"
            )
    return list(theirs if given is None else given)


def take_statistics(old: OldRun, model: MultiTask, data: DataModule, names: Sequence[str]) -> None:
    """Copy to the tasks the statistics of the old run, on which the meaning of outputs depends.

    Args:
        old: the old run.
        model: the new model.
        data: the data, loaded.
        names: names of the tasks to keep.

    Raises:
        InputError: if a task differs from that of the old run, with the difference.
    """
    recipes, described = dict(model.hparams).get("tasks") or {}, old.description.get("tasks") or {}
    ours = described_tasks({name: model.named_tasks[name] for name in names}, data)
    states = [each.state_dict() for each in (model, old.model)]
    for name in names:
        task, before = model.named_tasks[name], old.model.named_tasks[name]
        # Their heads may differ.
        own, weights = (_statistics(name, state) for state in states)
        now = Told(ours[name], recipes.get(name) or {}, own)
        then = Told(described.get(name) or {}, old.recipes.get(name) or {}, weights)
        try:
            if (why := difference(task, now, then)) is not None:
                raise InputError(f"{why}; configure it as before, or rename it")
        except InputError as error:
            raise InputError(f"task '{name}' is a different one in {old.path}: {error}") from error
        task.kept_statistics = kept_statistics(task, now, then)
        state = before.state_dict()
        task.load_state_dict({each: state[each] for each in task.kept_statistics}, strict=False)


def _statistics(task: str, state: Mapping[str, Any]) -> dict[str, Any]:
    own = weights_of(task, state).items()
    return {name: each for name, each in own if not name.startswith("heads.")}


def outputs_for_look(old: OldRun, data: DataModule) -> tuple[Batch, Outputs]:
    """A few training samples, and the old model's outputs for them.

    Args:
        old: the old run.
        data: the data, loaded.

    Raises:
        InputError: if the old model does not accept the inputs of the data.
    """
    split = data.splits["train"]
    batch = data.on_after_batch_transfer(split[torch.arange(min(LOOKED_AT, len(split)))], 0)
    _check_inputs(old, data, batch)
    inputs = old.model.inputs_of(batch)
    precision = next(each.dtype for each in old.model.parameters())
    inputs = [each.to(precision) if each.is_floating_point() else each for each in inputs]
    try:
        with torch.no_grad():
            outputs = old.model(*inputs)
    except (RuntimeError, AssertionError, InputError) as error:
        shapes = listed(str(tuple(each.shape[1:])) for each in inputs)
        raise InputError(
            f"the model of {old.path} does not accept the data's {listed(old.model.inputs)} of "
            f"shape {shapes} ({str(error).splitlines()[0]}); give data like that which it was "
            "trained on"
        ) from error
    return batch, outputs


def _check_inputs(old: OldRun, data: DataModule, batch: Batch) -> None:
    for name in old.model.inputs:
        if name not in batch:
            raise InputError(
                f"the model of {old.path} needs the input '{name}', which the data does not have"
            )
    if (other := made_otherwise(old.description.get("inputs") or {}, data)) is not None:
        raise InputError(
            f"the data prepares the input '{other}' differently from that of {old.path}; use the "
            "same columns, categories and tokenizer"
        )
    ours = data.recipe_of_transforms
    theirs = old.description.get("transforms")
    if ours is not None and theirs is not None and not _agree(theirs, ours):
        raise InputError(
            f"the images of {old.path} had different transforms from the data's "
            "(data.init_args.transforms); use the same, or the old model would see different images"
        )
    image = data.image_format()
    then = (old.description.get("inputs") or {}).get("image")
    if isinstance(then, dict) and image is not None and "image" in old.model.inputs:
        now: dict[str, Any] = vars(image)
        for key in then.keys() & now.keys():
            if then[key] != now[key]:
                raise InputError(
                    f"the images of {old.path} had {key} {then[key]}, but the data's have "
                    f"{now[key]}; give data like that which it was trained on"
                )


def _agree(one: Any, other: Any) -> bool:
    """Whether two recipes agree, where either may omit default values."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        settings = [{**each, **(each.get("init_args") or {})} for each in (one, other)]
        names = (settings[0].keys() & settings[1].keys()) - {"class_path", "init_args"}
        paths = [str(each.get("class_path")).rpartition(".")[2] for each in (one, other)]
        return paths[0] == paths[1] and all(_agree(*(e[n] for e in settings)) for n in names)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_agree, one, other))
    return one == other


def check_outputs(old: OldRun, model: MultiTask, data: DataModule, names: Sequence[str]) -> None:
    """Reject outputs whose shape has changed, that are not numbers, or that have no distance.

    Args:
        old: the old run.
        model: the new model.
        data: the data, loaded.
        names: names of the tasks to keep.

    Raises:
        InputError: with the name of the task.
    """
    batch, before = outputs_for_look(old, data)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            now = model(*model.inputs_of(batch))
    finally:
        model.train(was_training)
    for name in names:
        shapes = [each_tensor(each[name], lambda values: values.shape) for each in (before, now)]  # type: ignore[arg-type, return-value]
        if shapes[0] != shapes[1]:
            raise InputError(
                f"the outputs of task '{name}' had the shape {_shown(shapes[0])} in "
                f"{old.path}, but now have {_shown(shapes[1])}; give it the same head, and images "
                "of the same size"
            )
        task, first = model.named_tasks[name], rows_of(before[name], slice(0, 1))
        distance = task.distance(first, first, 1.0)
        if distance is None:
            raise InputError(
                f"task '{name}' is a {type(task).__name__}, which has no distance between outputs, "
                "so it cannot be kept; add a method distance to its class, or remove it from tasks"
            )
        if not bool(distance.isfinite().all()):
            raise InputError(
                f"the model of {old.path} returns outputs of task '{name}' that are not finite; "
                "give a checkpoint that has not diverged"
            )


def _shown(shape: Any) -> str:
    return str(list(shape[1:]) if isinstance(shape, torch.Size) else shape)
