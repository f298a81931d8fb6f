"""A new training that starts from the weights of a checkpoint, with the same tasks or others."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from multitask.checkpoints.fits import NOT_THE_SAME, check_fits, heads_of
from multitask.checkpoints.format import KEY, refuse_ensemble
from multitask.checkpoints.named_checkpoint import named_checkpoint, near_path
from multitask.checkpoints.reading import read_checkpoint
from multitask.checkpoints.same_task import Told, difference, kept_statistics, weights_of
from multitask.checkpoints.source import has_source, source_of
from multitask.data import DataModule
from multitask.encoders import Encoder, FromRun
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.pages.words import counted, listed
from multitask.training.description import described_tasks

TRUNK, SHARING = "encoder.", "sharing."
INSTEAD = (
    "; use the encoder and the sharing scheme that it was trained with, or only its encoder, "
    "with multitask.encoders.FromRun"
)


def begin_with(weights: str, model: MultiTask, data: DataModule) -> None:
    """Load a checkpoint's weights into a model, without the balancer's state.

    Tasks of the same name and kind get their heads and keep the statistics of the earlier training;
    other tasks start from scratch. ``model.source`` records what was loaded.

    Args:
        weights: path of the checkpoint, or of a run's folder.
        model: the model.
        data: the training data, loaded.

    Raises:
        InputError: if there is no such checkpoint, or its encoder or sharing scheme differs.
    """
    path = named_checkpoint(Path(weights))
    try:
        if not path.exists():
            raise InputError(f"there is no such checkpoint{near_path(path)}")
        content = read_checkpoint(path)
        refuse_ensemble(content)
        state = content["state_dict"]
        _check_shared(model, state)
        fresh = _take_heads(model, data, content)
        model.source = source_of(path, "run.weights", _sentence(model, weights, state, fresh))
    except InputError as error:
        raise InputError(f"run.weights={weights}: {error}") from error


@contextmanager
def taking_images(encoder: Encoder, image: Tensor) -> Iterator[None]:
    """Reject images that the encoder of another run cannot process and no setting can fix.

    Args:
        encoder: the encoder that receives them.
        image: the encoder's first input, a batch.

    Raises:
        InputError: if the number of channels differs, or in place of the encoder's own error.
    """
    if encoder.source is None or encoder.source.setting != FromRun.__name__:
        yield
        return
    told = "FromRun: the checkpoint's encoder"
    parameter = inspect.signature(type(encoder).__init__).parameters.get("in_channels")
    taken = encoder._arguments.get("in_channels", parameter.default if parameter else None)
    if taken is not None and image.ndim == 4 and taken != image.shape[1]:
        raise InputError(
            f"{told} expects {counted(taken, 'channel')}, but the images have {image.shape[1]}; "
            "use images with the same number, or the checkpoint of an encoder for such images"
        )
    try:
        yield
    except InputError as error:
        raise InputError(f"{told} does not accept the images: {error}".partition(";")[0]) from error


def _check_shared(model: MultiTask, state: Mapping[str, Any]) -> None:
    tasks = list(model.tasks)
    if model.sharing.is_by_place and (theirs := heads_of(state)) != tasks:
        raise InputError(
            f"{type(model.sharing).__name__} has parts for each task by position, and the "
            f"checkpoint's tasks are {listed(theirs, 12) or 'none'}; give the same tasks in the "
            "same order"
        )
    own = model.state_dict()
    shared = {name: each for name, each in state.items() if name.startswith(SHARING)}
    parts = {name: each for name, each in own.items() if name in shared}
    try:
        check_fits(_of(TRUNK, state), _of(TRUNK, own))
        check_fits({name: shared[name] for name in parts}, parts)
    except InputError as error:
        raise InputError(str(error).removesuffix(NOT_THE_SAME) + INSTEAD) from error


def _take_heads(model: MultiTask, data: DataModule, content: Mapping[str, Any]) -> dict[str, str]:
    """Load the heads that fit; return why each other task starts from scratch."""
    state, own = content["state_dict"], model.state_dict()
    settings = content.get("hyper_parameters") or {}
    told: Any = (content.get(KEY) or {}).get("description") or {}
    described = described_tasks(model.named_tasks, data)
    known = told.get("tasks") or {}
    taken, fresh = {**own, **_of(TRUNK, state)}, {}
    for name, task in model.named_tasks.items():
        then_recipe = (settings.get("tasks") or {}).get(name) or {}
        then = Told(known.get(name) or {}, then_recipe, weights_of(name, state))
        now = Told(described[name], {"init_args": task._arguments}, weights_of(name, own))
        if not then.weights:
            fresh[name] = "it is new"
            continue
        try:
            why = difference(task, now, then)
        except InputError as error:
            raise InputError(f"task '{name}': {error}") from error
        if why is not None:
            fresh[name] = why
            continue
        task.kept_statistics = kept_statistics(task, now, then)
        begins = f"tasks.{name}."
        taken |= {
            key: each
            for key, each in then.weights.items()
            if not key.startswith(begins) or key.removeprefix(begins) in task.kept_statistics
        }
    parts = {
        name: each
        for name, each in _of(SHARING, state).items()
        # A scheme's random initialisation depends on the run's own seed.
        if name in own and not name.endswith("_extra_state")
    }
    taken |= {name: each for name, each in parts.items() if not set(name.split(".")) & {*fresh}}
    model.load_state_dict(taken)
    return fresh


def _of(part: str, state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in state.items() if name.startswith(part)}


def _sentence(
    model: MultiTask, weights: str, state: Mapping[str, Any], fresh: Mapping[str, str]
) -> str:
    taken = [f"'{name}'" for name in model.tasks if name not in fresh]
    said = f"The encoder is from {weights}"
    if taken:
        heads, their = ("head", "its") if len(taken) == 1 else ("heads", "their")
        what = f"the {heads} of {listed(taken, 12)}, with {their} statistics,"
        said = f"The encoder and {what} are from {weights}"
    if has_source(model.encoder):
        said += ", in place of the weights that model.encoder names"
    if fresh:
        anew = listed((f"'{name}' ({why})" for name, why in fresh.items()), 12)
        said += f"; {anew} {'starts' if len(fresh) == 1 else 'start'} from scratch"
    left = [f"'{name}'" for name in heads_of(state) if name not in model.tasks]
    if left:
        are = "is" if len(left) == 1 else "are"
        said += f"; {listed(left, 12)} of the checkpoint {are} not used"
    return said
