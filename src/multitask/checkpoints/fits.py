"""Check whether a checkpoint belongs to a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from multitask.errors import InputError
from multitask.pages.words import listed

NOT_THE_SAME = "; use the configuration that it was trained with"
NEWER = (".normalisation.", ".recent_shares.")
"""Parts that older checkpoints lack; a model loaded from one works without them."""
OTHER_TASKS = ", or start a new run of other tasks with it: --run.weights=CHECKPOINT"


def check_fits(checkpoint: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """Compare a checkpoint's weights with a model's.

    Args:
        checkpoint: the checkpoint's ``state_dict``.
        model: the model's ``state_dict``.

    Raises:
        InputError: naming the first tasks or weights that differ.
    """
    theirs, ours = sorted(heads_of(checkpoint)), sorted(heads_of(model))
    if theirs != ours:
        raise InputError(
            f"the checkpoint is of another model: its tasks are {_listed(theirs)}, but this "
            f"model's are {_listed(ours)}{NOT_THE_SAME}"
            f"{OTHER_TASKS if _encoder_fits(checkpoint, model) else ''}"
        )
    # The model of a checkpoint without it was trained without it.
    model = {key: model[key] for key in model if key in checkpoint or not _may_lack(key)}
    odd = [
        *(key for key in model if key not in checkpoint),
        *(key for key in checkpoint if key not in model),
        *(key for key in model if kind_of(model[key]) != kind_of(checkpoint.get(key))),
    ]
    if odd:
        raise InputError(
            f"the checkpoint is of another model: {_difference(odd[0], checkpoint, model)}"
            f"{NOT_THE_SAME}"
        )


def _may_lack(key: str) -> bool:
    return any(part in key for part in NEWER)


def heads_of(state: Mapping[str, Any]) -> list[str]:
    """Return the tasks that have a head in a model's state, in the state's order.

    Args:
        state: the model's ``state_dict``.
    """
    return list(dict.fromkeys(key.split(".")[1] for key in state if key.startswith("heads.")))


def _encoder_fits(checkpoint: Mapping[str, Any], model: Mapping[str, Any]) -> bool:
    ours = [key for key in model if key.startswith("encoder.") and not _may_lack(key)]
    return bool(ours) and all(kind_of(model[key]) == kind_of(checkpoint.get(key)) for key in ours)


def _listed(names: list[str]) -> str:
    return listed(names, 12) or "none"


def kind_of(value: Any) -> tuple[Any, ...] | None:
    """Return the properties that two entries of a state must share to be interchangeable.

    Args:
        value: an entry; None and anything else that is not a tensor have no kind.
    """
    # Weights in another precision of the same kind of numbers can be loaded.
    if not isinstance(value, Tensor):
        return None
    return (*value.shape, value.is_floating_point(), value.is_complex(), value.layout)


def _shown(value: Any, other: Any) -> str:
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    if not isinstance(other, Tensor) or value.shape != other.shape:
        return str(tuple(value.shape))
    return f"a {value.layout} tensor of {value.dtype}".replace("torch.", "")


def _difference(key: str, checkpoint: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    if key not in checkpoint:
        return f"it has no '{key}'"
    if key not in model:
        return f"it has '{key}', which this model lacks"
    theirs, ours = checkpoint[key], model[key]
    return f"its '{key}' is {_shown(theirs, ours)}, but this model's is {_shown(ours, theirs)}"
