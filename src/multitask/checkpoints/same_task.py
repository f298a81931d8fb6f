"""Whether a checkpoint's task is the same as a model's, so that its head can be reused."""

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
"""Task settings, other than sizes and names, that determine the meaning of a head's outputs."""
LEARNT = {
    "class_weights": ("class_weights", "effective_number"),
    "positive_weights": ("positive_weights",),
}
"""Statistics that a task computes from its labels only for the loss, and their settings."""


@dataclass(frozen=True)
class Told:
    """The information available about a task.

    Args:
        description: see `multitask.training.description.describe`; empty if unknown.
        recipe: see `multitask.checkpoints.recipe`; empty if unknown.
        weights: entries of the model's state that belong to the task, see `weights_of`.
    """

    description: Mapping[str, Any]
    recipe: Mapping[str, Any]
    weights: Mapping[str, Any]


def weights_of(task: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Select the entries of a model's state that belong to a task: its head and its statistics.

    Args:
        task: the task's name.
        state: the model's ``state_dict``.
    """
    begins = f"heads.{task}.", f"tasks.{task}."
    return {name: each for name, each in state.items() if name.startswith(begins)}


def difference(task: Task, now: Told, then: Told) -> str | None:
    """Explain why a task's head cannot be taken from a checkpoint.

    Args:
        task: the model's task.
        now: the model's information about it.
        then: the checkpoint's information about the task of the same name.

    Returns:
        The difference, such as ``its classes were cat and dog``; None if there is none.

    Raises:
        InputError: if the same names are in another order, which is never intended; the message
            continues after the task's name.
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
    """Return the statistics that a task keeps with a head taken from a checkpoint.

    Args:
        task: the model's task, the same as the checkpoint's.
        now: see `difference`.
        then: see `difference`.

    Returns:
        Names of its buffers, except those whose settings differ, which then take effect.
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
        # One side has only numbers as names.
        return None
    if sorted(ours) == sorted(theirs):
        raise InputError(
            f"its {what} are {listed(ours)}, but those of the checkpoint's head are "
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
        return "missing"
    return f"of shape {tuple(getattr(weights[name], 'shape', ()))}"
