"""What a resumed training changes of its settings: a change counts, or it is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from multitask.errors import InputError

WITH_STATE = ("encoder", "sharing", "balancer", "optimizer")
"""Parts of the model whose class cannot change, because the checkpoint holds their state."""
BEGUN = ("scheduler", "scheduler_interval")
"""What cannot change at all: a schedule continues where it was."""
Keys = tuple[str, ...]


def changes(before: Any, now: Any, keys: Keys = ()) -> Iterator[Keys]:
    """Compare the settings of two models, as their checkpoints hold them.

    Args:
        before: a model's hyperparameters, or a part of them.
        now: the same of the other model.
        keys: those that lead there.

    Yields:
        The keys that lead to each setting that differs, ``init_args`` left out.
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        if _class(before) != _class(now):
            yield (*keys, "class_path")
            return
        for key in {**before, **now}:
            if key == "init_args":
                yield from changes(before.get(key) or {}, now.get(key) or {}, keys)
            elif key != "class_path":
                yield from changes(before.get(key), now.get(key), (*keys, key))
    elif before != now:
        yield keys


def refuse_changes(before: Mapping[str, Any], now: Mapping[str, Any], start: str) -> None:
    """Refuse what a resumed training cannot change.

    Args:
        before: the checkpoint's hyperparameters.
        now: the model's.
        start: the command that starts a new run from the checkpoint's weights.

    Raises:
        InputError: naming the setting, and that command.
    """
    for keys in changes(before, now):
        is_new_part = keys[-1] == "class_path" or len(keys) == 1
        if keys[0] in BEGUN or (keys[0] in WITH_STATE and is_new_part):
            setting = ".".join(("model", *(each for each in keys if each != "class_path")))
            raise InputError(
                f"{setting} cannot change in a resumed run, which continues with its state; start "
                f"a new run from these weights: {start}"
            )


def keep_changed(checkpoint: dict[str, Any], model: Mapping[str, Tensor], now: Any) -> None:
    """Let settings of tasks count that the checkpoint holds as state, such as class weights.

    Args:
        checkpoint: what will be loaded, changed in place.
        model: the model's ``state_dict``.
        now: the model's hyperparameters.

    Raises:
        InputError: if the weights have been loaded already.
    """
    for first, *others in changes(checkpoint.get("hyper_parameters") or {}, now):
        if first != "tasks" or ".".join((first, *others[:2])) not in model:
            continue
        key = ".".join((first, *others[:2]))
        if "state_dict" not in checkpoint:
            raise InputError(f"model.{key} cannot change in a resumed run with sharded parameters")
        checkpoint["state_dict"][key] = model[key].clone()


def _class(described: Mapping[str, Any]) -> str:
    # A class may have two paths.
    return str(described.get("class_path")).rpartition(".")[2]
