"""When each part of a model starts to learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from torch import nn

from multitask.errors import InputError, nearest

ROOTS = ("encoder", "sharing", "heads", "tasks")
"""Modules of a model whose parameters an optimizer updates; a balancer cannot be frozen."""


class UnfreezingPlan:
    """Store when each parameter starts to learn.

    If several names contain a parameter, the longest applies.

    Args:
        frozen: names of parts, see `multitask.callbacks.Unfreezing`.
        until: by name of a part, the moment at which it starts to learn.

    Raises:
        InputError: if a name or a moment is invalid.
    """

    def __init__(self, frozen: Sequence[str], until: Mapping[str, int]) -> None:
        if isinstance(frozen, str) or not frozen:
            raise InputError(
                f"Unfreezing: frozen is {frozen!r}; give a list of parts, such as [encoder]"
            )
        for part, moment in until.items():
            if isinstance(moment, bool) or not isinstance(moment, int) or moment < 0:
                raise InputError(
                    f"Unfreezing: until of '{part}' is {moment}; give a whole number of at least 0"
                )
            if not any(contains(each, part) for each in frozen):
                hint = nearest(part, frozen)
                raise InputError(
                    f"Unfreezing: until names '{part}', which is not in frozen{hint}"
                    f"{'' if hint.endswith('?') else '; add it there, or remove it'}"
                )
        self.begins: dict[str, float] = {**dict.fromkeys(frozen, inf), **until}
        """By name of a part, the moment at which it starts to learn; infinity for never."""

    @property
    def moments(self) -> list[float]:
        """The moments at which the set of learning parts changes, in order, including the start."""
        return sorted({0.0, *(each for each in self.begins.values() if each < inf)})

    def begin(self, name: str) -> float:
        """The moment at which a parameter or module starts to learn.

        Args:
            name: as in ``named_parameters`` or ``named_modules`` of the model.

        Returns:
            0 if it is never frozen, infinity if it is always frozen.
        """
        containing = [part for part in self.begins if contains(part, name)]
        return self.begins[max(containing, key=len)] if containing else 0.0

    def parameters(self, model: nn.Module) -> dict[nn.Parameter, float]:
        """The moment at which each of a model's parameters starts to learn.

        A parameter with several names starts when the last of them does.

        Args:
            model: see `multitask.MultiTask`.
        """
        found: dict[nn.Parameter, float] = {}
        for name, each in model.named_parameters(remove_duplicate=False):
            if is_in_root(name):
                found[each] = max(found.get(each, 0.0), self.begin(name))
        return found

    def modules(self, model: nn.Module) -> dict[nn.Module, float]:
        """The moment from which each of a model's modules is in training mode.

        Args:
            model: see `multitask.MultiTask`.
        """
        named = model.named_modules()
        return {each: self.begin(name) for name, each in named if is_in_root(name)}

    def check_names(self, model: nn.Module) -> None:
        """Reject names that do not exist in the model.

        Args:
            model: see `multitask.MultiTask`.

        Raises:
            InputError: with the name that was probably intended.
        """
        known = set(_parts(model))
        for part in self.begins:
            if part not in known:
                roots = sorted(known & set(ROOTS))
                hint = nearest(part, known) or f"; its parts start with {', '.join(roots)}"
                raise InputError(f"Unfreezing: the model has no part '{part}'{hint}")


def contains(part: str, name: str) -> bool:
    """Whether a name is that of a part, or of something inside it."""
    return name == part or name.startswith(f"{part}.")


def is_in_root(name: str) -> bool:
    """Whether a name is that of something that can be frozen."""
    return name.partition(".")[0] in ROOTS


def _parts(model: Any) -> Iterator[str]:
    """Names of everything that learns or keeps statistics, and of everything that contains it."""
    # A task's buffers describe its targets, and no training step changes them.
    buffers = (name for name, _ in model.named_buffers() if not name.startswith("tasks."))
    parameters = (name for name, _ in model.named_parameters(remove_duplicate=False))
    for name in (*parameters, *buffers):
        places = name.split(".")
        if places[0] in ROOTS:
            yield from (".".join(places[:end]) for end in range(1, len(places) + 1))
