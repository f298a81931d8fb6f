"""Members of an ensemble: their checkpoints, and whether they are compatible."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from multitask.after.ensemble.ensemble_file import use_weights
from multitask.after.hub.hub_reading import OF_TRAINING
from multitask.after.loading import load
from multitask.after.trained_model import TrainedModel
from multitask.checkpoints.format import is_ensemble
from multitask.checkpoints.named_checkpoint import named_checkpoint
from multitask.checkpoints.reading import read_checkpoint
from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.training.description import other_written

LEAST = 2
DESCRIBED = {
    "kind": "is of another kind there",
    "classes": "has other classes there",
    "unit": "has another unit there",
    "elements": "has other elements there",
}
"""Properties of a task that must be equal, and the message if they are not."""


def read_members(runs: Sequence[str], trust: bool) -> list[TrainedModel]:
    """Read the members of an ensemble on the CPU, and reject those that cannot be pooled.

    Args:
        runs: folders of runs, or checkpoints.
        trust: see `multitask.after.loading.load`.

    Raises:
        InputError: if there are too few, one cannot be read, or they are incompatible.
    """
    if len(runs) < LEAST:
        raise InputError(f"an ensemble needs at least two runs, but {len(runs)} is given")
    paths = [named_checkpoint(Path(each)) for each in runs]
    found: list[TrainedModel] = []
    known: dict[str, Path] = {}
    for path in paths:
        member = _member(path, trust)
        digest = _digest(member)
        if digest in known:
            raise InputError(
                f"{path} and {known[digest]} have the same weights; give each run once, "
                "because a duplicate member adds nothing"
            )
        known[digest] = path
        if found:
            check_same(found[0], member)
        found.append(member)
    return found


def check_same(first: TrainedModel, other: TrainedModel) -> None:
    """Reject a member whose predictions cannot be pooled with those of another.

    Args:
        first: a member.
        other: another.

    Raises:
        InputError: with both members, and the difference.
    """
    ours, theirs = (list(each.model.named_tasks) for each in (first, other))
    if set(ours) != set(theirs):
        raise InputError(
            f"{other.source} has the {_tasks(theirs)} and {first.source} the {_tasks(ours)}; give "
            "runs of the same tasks"
        )
    for name in ours:
        if (reason := _difference(name, first, other)) is not None:
            raise InputError(
                f"{other.source} was trained differently from {first.source}: the task '{name}' "
                f"{reason}"
            )
    if first.model.inputs != other.model.inputs:
        raise InputError(
            f"{other.source} has the inputs {listed(other.model.inputs)} and {first.source} "
            f"{listed(first.model.inputs)}; give runs with the same inputs"
        )
    for key, what in (
        ("inputs", "a different image format"),
        ("transforms", "different transforms"),
    ):
        known, found = first.description.get(key), other.description.get(key)
        if key == "inputs" and (written := other_written(known or {}, found or {})) is not None:
            raise InputError(
                f"{other.source} makes the input '{written}' differently from {first.source}; "
                "give runs with the same columns, categories and tokenizer"
            )
        if known != found:
            raise InputError(
                f"{other.source} was trained with {what} from {first.source} "
                f"({_plain(found)}, not {_plain(known)}); give runs that see an image in the same "
                "way"
            )


def pooled_description(members: Sequence[TrainedModel]) -> dict[str, Any]:
    """The inputs and outputs of an ensemble: those of its first member, without calibration.

    Args:
        members: compatible members.
    """
    told = dict(members[0].description)
    told["tasks"] = {
        name: {key: value for key, value in task.items() if key != "calibration"}
        for name, task in told["tasks"].items()
    }
    return told


def calibrated(members: Sequence[TrainedModel]) -> list[str]:
    """The members that have their own calibration, which an ensemble ignores."""
    return [
        str(each.source)
        for each in members
        if any("calibration" in task for task in each.description["tasks"].values())
    ]


def pooled_images(members: Sequence[TrainedModel]) -> Tensor | None:
    """The numbers of the images that any member was trained on; None if one is unknown.

    Returns:
        Shape ``[images]``, int64.
    """
    found = [each.training_images for each in members if each.training_images is not None]
    return torch.cat(found).unique() if len(found) == len(members) else None


def _member(path: Path, trust: bool) -> TrainedModel:
    try:
        content = read_checkpoint(path, mmap=True)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if is_ensemble(content):
        raise InputError(f"{path} is an ensemble already; give single runs' checkpoints")
    found = load(path, trust, "cpu", unadapted=False)
    # Weights are read from the file again, so that memory does not hold those of all members.
    use_weights(found.model, content["state_dict"])
    for name, each in found.model.state_dict().items():
        if _counts(name, each) and each.is_floating_point() and not each.isfinite().all():
            raise InputError(
                f"{path} has weights that are not finite numbers ({name}); remove this run, or "
                "give a checkpoint from before it diverged"
            )
    return found


def _digest(member: TrainedModel) -> str:
    digest = hashlib.sha256()
    for name, each in member.model.state_dict().items():
        if _counts(name, each):
            digest.update(f"{name} {each.dtype} {tuple(each.shape)}".encode())
            digest.update(each.contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _counts(name: str, value: Any) -> bool:
    return isinstance(value, Tensor) and not name.startswith(OF_TRAINING)


def _difference(name: str, first: TrainedModel, other: TrainedModel) -> str | None:
    one, two = (each.model.named_tasks[name] for each in (first, other))
    if type(one) is not type(two):
        return f"is a {type(two).__name__} there, and a {type(one).__name__} here"
    if one.out_features != two.out_features:
        return f"has {two.out_features} outputs there, and {one.out_features} here"
    ours, theirs = (each.description["tasks"][name] for each in (first, other))
    for key, reason in DESCRIBED.items():
        if ours.get(key) != theirs.get(key):
            return f"{reason} ({_plain(theirs.get(key))}, not {_plain(ours.get(key))})"
    return None


def _tasks(names: Sequence[str]) -> str:
    return f"task {names[0]}" if len(names) == 1 else f"tasks {listed(names)}"


def _plain(value: Any) -> str:
    text = "none" if value is None else ", ".join(map(str, value)) if _is_list(value) else ""
    return (text or str(value))[:200]


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
