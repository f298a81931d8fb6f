"""An ensemble as a single file, which contains the weights of all its members.

A single file, unlike a folder of checkpoints, cannot be copied without one of its members, and all
verbs accept it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import Tensor

from multitask.after.ensemble.ensemble_model import EnsembleModel
from multitask.after.hub.hub_reading import OF_TRAINING, built
from multitask.checkpoints.atomic_writing import save_content, writing
from multitask.checkpoints.format import ENSEMBLE, FORMAT, KEY, TRAINING_IMAGES
from multitask.errors import InputError
from multitask.module import MultiTask

ENSEMBLE_FORMAT = 1
MOST_MEMBERS = 10_000


def write_ensemble(
    path: Path,
    model: EnsembleModel,
    recipes: Sequence[Mapping[str, Any]],
    description: Mapping[str, Any],
    training_images: Tensor | None,
) -> None:
    """Write an ensemble.

    Args:
        path: path of the file.
        model: the ensemble.
        recipes: how each member was built, see `multitask.after.hub.hub_reading.built`.
        description: see `multitask.training.description.describe`.
        training_images: numbers of the images that any member was trained on; None if unknown.
    """
    weights = {
        f"{place}.{name}": each.detach()
        for place, member in enumerate(model.members)
        for name, each in member.state_dict().items()
        if isinstance(each, Tensor) and not name.startswith(OF_TRAINING)
    }
    pairs = zip(model.sources, recipes, strict=True)
    content = {
        "state_dict": weights,
        KEY: {
            "format": FORMAT,
            "version": version("multitask"),
            "description": dict(description),
            TRAINING_IMAGES: training_images,
            ENSEMBLE: {
                "format": ENSEMBLE_FORMAT,
                "members": [{"source": name, "recipe": dict(each)} for name, each in pairs],
            },
        },
    }
    with writing(path) as part:
        save_content(content, part)


def read_ensemble(content: Mapping[str, Any], path: Path, trust: bool) -> EnsembleModel:
    """Build the ensemble in a file from any source.

    Args:
        content: content of the file, read with ``mmap=True``, so that the weights need no memory.
        path: path of the file, for messages.
        trust: see `multitask.after.loading.load`.

    Raises:
        InputError: if the file is damaged, or names classes of unknown packages without ``trust``.
    """
    told = _members(content[KEY][ENSEMBLE], path)
    weights = _weights(content["state_dict"], len(told), path)
    members = []
    for place, each in enumerate(told):
        member = built(each["recipe"], weights[place], f"{path}, member {place + 1}", trust)
        use_weights(member, weights[place])
        members.append(member)
    if any(each.inputs != members[0].inputs for each in members):
        raise InputError(f"{path} is damaged: its members have different inputs")
    names = [list(each.named_tasks) for each in members]
    if any(sorted(each) != sorted(names[0]) for each in names):
        raise InputError(f"{path} is damaged: its members have different tasks")
    try:
        return EnsembleModel(members, [each["source"] for each in told])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def use_weights(model: MultiTask, weights: Mapping[str, Any]) -> None:
    """Make a model use the weights of a file instead of its own copy.

    Args:
        model: model built from that file, on the CPU.
        weights: weights of the file, read with ``mmap=True``; those needed for training alone may
            be missing.
    """
    own = model.state_dict()
    # A model that was trained in double precision computes in single precision here.
    there = {
        name: weights[name].to(each.dtype)
        for name, each in own.items()
        if isinstance(each, Tensor) and name in weights
    }
    model.load_state_dict(there, strict=False, assign=True)


def _members(told: Any, path: Path) -> list[dict[str, Any]]:
    number = told.get("format") if isinstance(told, dict) else None
    if not isinstance(number, int) or number < 1:
        raise InputError(f"{path} is damaged: it has no ensemble format")
    if number > ENSEMBLE_FORMAT:
        raise InputError(
            f"{path} was written by a later version, in format {number} of ensembles, and this "
            f"version reads formats up to {ENSEMBLE_FORMAT}; update the package"
        )
    found = told.get("members")
    is_list = isinstance(found, list) and 0 < len(found) <= MOST_MEMBERS
    if not is_list or not all(map(_is_member, found)):
        raise InputError(f"{path} is damaged: it does not record how its members are built")
    return list(found)


def _is_member(told: Any) -> bool:
    return (
        isinstance(told, dict)
        and isinstance(told.get("source"), str)
        and isinstance(told.get("recipe"), dict)
        and isinstance(told["recipe"].get("tasks"), dict)
    )


def _weights(state: Mapping[str, Any], count: int, path: Path) -> list[dict[str, Tensor]]:
    found: list[dict[str, Tensor]] = [{} for _ in range(count)]
    for key, each in state.items():
        place, _, name = key.partition(".")
        if not (place.isascii() and place.isdigit() and len(place) < 9 and int(place) < count):
            raise InputError(f"{path} is damaged: the weights '{key}' belong to no member")
        found[int(place)][name] = each
    return found
