"""Checks of the callback states in a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lightning.pytorch import Callback
from torch import Tensor

from multitask.errors import InputError

NUMBERS = (bool, int, float, Tensor)
"""Sums start as numbers and become tensors."""


def check_states(states: Any, callbacks: Iterable[Callback]) -> None:
    """Compare a checkpoint's callback states with the callbacks' current states.

    A callback loads its state immediately but uses it much later, when its origin is no longer
    known.

    Args:
        states: the checkpoint's states by callback key.
        callbacks: callbacks of the training to be resumed; only those of this package are checked.

    Raises:
        InputError: naming the first value of another kind.
    """
    if not isinstance(states, dict):
        raise InputError(_sentence("callbacks", states, {}))
    for callback in callbacks:
        state = states.get(callback.state_key)
        if state is not None and type(callback).__module__.startswith("multitask."):
            _compare(callback.state_key, state, callback.state_dict())


def _compare(name: str, theirs: Any, ours: Any) -> None:
    if ours is None:
        # A value that is not set yet may have any kind.
        return
    kinds = NUMBERS if isinstance(ours, NUMBERS) else type(ours)
    if not isinstance(theirs, kinds):
        raise InputError(_sentence(name, theirs, ours))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() & theirs.keys():
            _compare(f"{name}.{key}", theirs[key], ours[key])


def _sentence(name: str, theirs: Any, ours: Any) -> str:
    return (
        f"the checkpoint does not contain what a run saves: its '{name}' is a "
        f"{type(theirs).__name__}, not a {type(ours).__name__}; give another one"
    )
