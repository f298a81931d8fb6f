"""Whether a task of a checkpoint is the same as a model's, so that its head can be taken."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multitask.checkpoints.fits import kind_of
from multitask.errors import InputError
from multitask.pages.words import listed

if TYPE_CHECKING:
    from multitask.tasks import Task

MEANING = ("scale", "quantiles", "period", "bins", "stride")
"""Settings of a task that decide what its head's outputs mean, beside sizes and names."""
LEARNT = {
    "class_weights": ("class_weights", "effective_number"),
    "positive_weights": ("positive_weights",),
}
"""What a task learns from its labels for the loss alone, and the settings that it follows from."""


@dataclass(frozen=True)
class Told:
    """What is known of a task.

    Args:
        description: see `multitask.training.description.describe`; empty if unknown.
        recipe: see `multitask.checkpoints.recipe`; empty if unknown.
        weights: the model's state whose names begin with the task's parts, see `weights_of`.
    """

    description: Mapping[str, Any]
    recipe: Mapping[str, Any]
    weights: Mapping[str, Any]


def weights_of(task: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """What of a model's state is a task's own, its head's weights and its statistics.

    Args:
        task: its name.
        state: the model's ``state_dict``.
    """
    begins = f"heads.{task}.", f"tasks.{task}."
    return {name: each for name, each in state.items() if name.startswith(begins)}


def difference(task: Task, now: Told, then: Told) -> str | None:
    """Say why a task's head cannot be taken from a checkpoint.

    Args:
        task: the model's.
        now: what the model says of it.
        then: what the checkpoint says of the task of the same name.

    Returns:
        What differs, such as ``its classes were cat and dog``; None if nothing does.

    Raises:
        InputError: if the same names stand in another order, which nobody wants; it begins behind
            the task.
    """
    kind = str(then.recipe.get("class_path", "")).rpartition(".")[2]
    kind = kind or str(then.description.get("kind", ""))
    if kind and kind != type(task).__name__:
        return f"it was a {kind}"
    for what in ("classes", "elements"):
        if (found := _names_differ(what, now.description, then.description)) is not None:
            return found
    units = [each.description.get("unit") for each in (now, then)]
    if all(units) and units[0] != units[1]:
        return f"its unit was {units[1]}"
    for name in MEANING:
        if hasattr(task, name) and _setting(task, now, name) != _setting(task, then, name):
            return f"its {name} was {_setting(task, then, name)}"
    for name in (*now.weights, *then.weights):
        if kind_of(now.weights.get(name)) != kind_of(then.weights.get(name)):
            return f"its '{name}' was {_shape(then.weights, name)}"
    return None


def kept_statistics(task: Task, now: Told, then: Told) -> frozenset[str]:
    """Which statistics a task keeps under a head that is taken from a checkpoint.

    Args:
        task: the model's, the same as the checkpoint's.
        now: see `difference`.
        then: see `difference`.

    Returns:
        Names of its buffers: all but those whose own settings differ, which count.
    """
    changed = {
        buffer
        for buffer, names in LEARNT.items()
        if any(_setting(task, now, each) != _setting(task, then, each) for each in names)
    }
    return frozenset(task.state_dict()) - changed


def _names_differ(what: str, now: Mapping[str, Any], then: Mapping[str, Any]) -> str | None:
    ours, theirs = now.get(what), then.get(what)
    if not ours or not theirs or ours == theirs:
        return None
    if len(ours) == len(theirs) and any(_are_numbers(each) for each in (ours, theirs)):
        # One side has no other names than numbers.
        return None
    if sorted(ours) == sorted(theirs):
        raise InputError(
            f"its {what} are {listed(ours)}, and those of the checkpoint's head are "
            f"{listed(theirs)}; list them in that order, or rename the task for a new head"
        )
    return f"its {what} were {listed(theirs)}"


def _are_numbers(names: Sequence[str]) -> bool:
    return list(names) == list(map(str, range(len(names))))


def _setting(task: Task, told: Told, name: str) -> Any:
    parameter = inspect.signature(type(task).__init__).parameters.get(name)
    default = parameter.default if parameter is not None else None
    found = (told.recipe.get("init_args") or {}).get(name, default)
    return list(found) if isinstance(found, tuple) else found


def _shape(weights: Mapping[str, Any], name: str) -> str:
    if name not in weights:
        return "not there"
    return f"of shape {tuple(getattr(weights[name], 'shape', ()))}"
