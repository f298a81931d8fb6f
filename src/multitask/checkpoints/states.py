"""Do the states in a checkpoint look as those that their owners keep?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lightning.pytorch import Callback
from torch import Tensor

from multitask.errors import InputError

NUMBERS = (bool, int, float, Tensor)
"""Sums begin as a number, and become a tensor."""


def check_states(states: Any, callbacks: Iterable[Callback]) -> None:
    """Compare what a checkpoint remembers for callbacks with what they remember now.

    A callback takes up its state at once and uses it much later, when nobody knows any more where
    it is from.

    Args:
        states: the checkpoint's, by key of the callback.
        callbacks: of the training that is about to continue; those of this package are compared.

    Raises:
        InputError: with the first value of another kind.
    """
    if not isinstance(states, dict):
        raise InputError(_sentence("callbacks", states, {}))
    for callback in callbacks:
        state = states.get(callback.state_key)
        if state is not None and type(callback).__module__.startswith("multitask."):
            _compare(callback.state_key, state, callback.state_dict())


def _compare(name: str, theirs: Any, ours: Any) -> None:
    if ours is None:
        # What is not there yet may be of any kind.
        return
    kinds = NUMBERS if isinstance(ours, NUMBERS) else type(ours)
    if not isinstance(theirs, kinds):
        raise InputError(_sentence(name, theirs, ours))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() & theirs.keys():
            _compare(f"{name}.{key}", theirs[key], ours[key])


def _sentence(name: str, theirs: Any, ours: Any) -> str:
    return (
        f"the checkpoint does not hold what a run saves: its '{name}' is a "
        f"{type(theirs).__name__}, not a {type(ours).__name__}; give another one"
    )
