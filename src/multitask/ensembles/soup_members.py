"""Runs that can be averaged: those that started from the same weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from multitask.checkpoints.fits import check_fits
from multitask.checkpoints.format import KEY, START, TRAINING_IMAGES
from multitask.checkpoints.named_checkpoint import named_checkpoint
from multitask.checkpoints.reading import read_checkpoint
from multitask.errors import InputError
from multitask.runs.folder import folder_of
from multitask.training.description import other_written

STANDARDISED = (".mean", ".deviation")
"""Suffixes of the names of values that tasks learn from training targets and predict with."""
WEIGHTS = ("encoder.", "sharing.", "heads.")
OTHER_START = (
    "these runs do not start from the same weights, so they have no useful average; use ensemble"
)


@dataclass(frozen=True)
class Member:
    """A run's result.

    Args:
        path: path of the checkpoint.
        content: content of the checkpoint, on the CPU.
    """

    path: Path
    content: Mapping[str, Any]

    @property
    def state(self) -> dict[str, Any]:
        """The model's ``state_dict``."""
        return self.content["state_dict"]

    @property
    def name(self) -> str:
        """The display name: the run's folder, or the file if it is not inside a run."""
        return str(folder_of(self.path) or self.path)

    @property
    def stamp(self) -> dict[str, Any]:
        """The program's own entries beside the weights."""
        found = self.content.get(KEY)
        return found if isinstance(found, dict) else {}

    @property
    def described(self) -> dict[str, Any]:
        """The checkpoint's description of the model's inputs and tasks."""
        return self.stamp.get("description") or {}

    @property
    def tasks(self) -> dict[str, Any]:
        """The checkpoint's description of each task, without its calibration."""
        told = self.described.get("tasks") or {}
        return {
            name: {key: value for key, value in task.items() if key != "calibration"}
            for name, task in told.items()
        }


def read_members(runs: Sequence[str]) -> list[Member]:
    """Read the results of runs, and reject those that cannot be averaged.

    Args:
        runs: folders of runs, or checkpoints.

    Raises:
        InputError: with the run, and the reason.
    """
    if len(runs) < 2:
        raise InputError("soup: one run is its own average; give at least two")
    try:
        paths = [named_checkpoint(Path(run)) for run in runs]
    except InputError as error:
        raise InputError(f"soup: {error}") from error
    for place, path in enumerate(paths):
        if path.resolve() in [each.resolve() for each in paths[:place]]:
            raise InputError(f"soup: {runs[place]} is given twice; give each run once")
    members = [_read(path) for path in paths]
    for each in members[1:]:
        _check_pair(members[0], each)
    return members


def other_images(members: Sequence[Member]) -> list[Member]:
    """The members known to have been trained on other images than the first."""
    own = members[0].stamp.get(TRAINING_IMAGES)
    theirs = [(each, each.stamp.get(TRAINING_IMAGES)) for each in members[1:]]
    return [
        each
        for each, images in theirs
        if isinstance(own, Tensor) and isinstance(images, Tensor) and not torch.equal(own, images)
    ]


def _read(path: Path) -> Member:
    try:
        member = Member(path, read_checkpoint(path, mmap=True))
    except InputError as error:
        raise InputError(f"soup: {path}: {error}") from error
    if not isinstance(member.stamp.get(START), str):
        raise InputError(
            f"soup: {path} does not record which weights its run started from, because an older "
            "version wrote it; train it again, or use ensemble"
        )
    for name, values in member.state.items():
        is_weight = isinstance(values, Tensor) and name.startswith(WEIGHTS)
        if is_weight and not bool(values.isfinite().all()):
            raise InputError(
                f"soup: {member.name} has weights that are not finite numbers ({name}); remove "
                "this run"
            )
    return member


def _check_pair(first: Member, other: Member) -> None:
    try:
        check_fits(other.state, first.state)
    except InputError as error:
        reason = str(error).partition("; give")[0].replace("this model", f"{first.name}")
        raise InputError(f"soup: {other.name}: {reason}") from error
    if first.stamp[START] != other.stamp[START]:
        raise InputError(f"soup: {OTHER_START} ({first.name} and {other.name})")
    for name, told in first.tasks.items():
        if (theirs := other.tasks.get(name)) != told:
            raise InputError(
                f"soup: {other.name} learnt another task '{name}' than {first.name}: {theirs}, "
                f"not {told}"
            )
    for key, what in (
        ("inputs", "a different image format"),
        ("transforms", "different transforms"),
    ):
        ours, theirs = (each.described.get(key) for each in (first, other))
        if key == "inputs" and (written := other_written(ours or {}, theirs or {})) is not None:
            raise InputError(
                f"soup: {other.name} makes the input '{written}' differently from {first.name}; "
                "give runs with the same columns, categories and tokenizer"
            )
        if ours != theirs:
            raise InputError(
                f"soup: {other.name} was trained with {what} from {first.name}: {theirs}, "
                f"not {ours}; give runs that see an image in the same way"
            )
    for name, values in first.state.items():
        is_ours = name.startswith("tasks.") and name.endswith(STANDARDISED)
        if is_ours and not torch.equal(values, other.state[name]):
            raise InputError(
                f"soup: {other.name} standardises '{name.split('.')[1]}' differently from "
                f"{first.name}, because it was trained on other targets; use ensemble"
            )
