"""Changes of settings when training is resumed: each takes effect or is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from multitask.errors import InputError

WITH_STATE = ("encoder", "sharing", "balancer", "optimizer")
"""Parts of the model whose class cannot change because the checkpoint holds their state."""
BEGUN = ("scheduler", "scheduler_interval", "rates", "layer_decay")
"""Settings that cannot change: schedules and parameter groups continue where they were."""
RUN = "run"
"""Length of a schedule that is as long as the run; a schedule may change to it."""
JUDGING = {"headline": None, "counts": True}
"""Settings of the score that selected the best epoch so far, and their defaults."""
LEARNT = {"effective_number": "class_weights"}
"""Settings of a task, and the state computed from each."""
Keys = tuple[str, ...]


def changes(before: Any, now: Any, keys: Keys = ()) -> Iterator[Keys]:
    """Compare the hyperparameters of two models, as stored in their checkpoints.

    Args:
        before: a model's hyperparameters, or a part of them.
        now: the same part of the other model's hyperparameters.
        keys: the keys that lead to this part.

    Yields:
        The keys that lead to each setting that differs, without ``init_args``.
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
    """Refuse changes that resumed training cannot apply.

    Args:
        before: the checkpoint's hyperparameters.
        now: the model's.
        start: the command that starts a new run from the checkpoint's weights.

    Raises:
        InputError: naming the setting and that command.
    """
    for keys in changes(before, now):
        is_new_part = keys[-1] == "class_path" or len(keys) == 1
        has_begun = keys[0] in BEGUN and _last(now, keys) != RUN
        if has_begun or _is_judging(keys, before, now) or (keys[0] in WITH_STATE and is_new_part):
            setting = ".".join(("model", *(each for each in keys if each != "class_path")))
            raise InputError(
                f"{setting} cannot change in a resumed run, which continues with its state; start "
                f"a new run from these weights: {start}"
            )


def _is_judging(keys: Keys, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    if keys[0] != "tasks" or len(keys) != 3 or keys[2] not in JUDGING:
        return False
    return _last(before, keys, JUDGING[keys[2]]) != _last(now, keys, JUDGING[keys[2]])


def _last(settings: Any, keys: Keys, default: Any = None) -> Any:
    """Return the value at a path of keys, without ``init_args``."""
    for key in keys:
        own = settings if isinstance(settings, Mapping) else {}
        inner = own.get("init_args") or {}
        settings = own.get(key, inner.get(key, default))
    return settings


def keep_changed(checkpoint: dict[str, Any], model: Mapping[str, Tensor], now: Any) -> None:
    """Apply changed task settings that the checkpoint stores as state, such as class weights.

    Args:
        checkpoint: the checkpoint to be loaded, modified in place.
        model: the model's ``state_dict``.
        now: the model's hyperparameters.

    Raises:
        InputError: if the weights have already been loaded.
    """
    for first, *others in changes(checkpoint.get("hyper_parameters") or {}, now):
        key = ".".join((first, *(LEARNT.get(each, each) for each in others[:2])))
        if first != "tasks" or key not in model:
            continue
        if "state_dict" not in checkpoint:
            raise InputError(f"model.{key} cannot change in a resumed run with sharded parameters")
        checkpoint["state_dict"][key] = model[key].clone()


def _class(described: Mapping[str, Any]) -> str:
    # The same class may have two import paths.
    return str(described.get("class_path")).rpartition(".")[2]
