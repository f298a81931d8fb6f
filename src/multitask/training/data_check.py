"""Checks of the data against the tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from lightning.pytorch.utilities import rank_zero_warn

from multitask.data import Table
from multitask.data.split_check import META
from multitask.data.targets import places_to_look_at
from multitask.errors import InputError, SampleError
from multitask.remarks.ordered_words import ordered
from multitask.tasks import Box, Keypoints, MultiLabel, Ordinal, Task
from multitask.tasks.naming import check_targets
from multitask.training.score import counting

CHUNK = 1024
"""Number of targets that are read at a time if all of them are needed."""


def check_data(tasks: Mapping[str, Task], data: Any, split: str, has_begun: bool = False) -> None:
    """Check the tasks against a split, and let them learn the training statistics.

    Args:
        tasks: the model's tasks by name.
        data: a `multitask.data.DataModule`.
        split: ``train``, ``val`` or ``test``; before training the others are checked too.
        has_begun: whether a checkpoint contains the statistics, so that a task does not need a
            label.

    Raises:
        InputError: if the data do not have a task, or its targets do not fit.
    """
    if not hasattr(data, "targets"):
        raise InputError(
            "the model needs a multitask.data.DataModule to learn the statistics of the "
            "training targets; pass one to the Trainer as datamodule"
        )
    name_of_data = type(data).__name__
    if hasattr(data, "class_names"):
        _check_names(tasks, data.class_names(), "class")
        _check_names(tasks, data.element_names(), "label")
    if split == "train":
        targets = data.targets(split)
        with _file_named(data, split):
            check_targets(tasks, targets, split, name_of_data)
        for name, task in tasks.items():
            _refuse_all_kept_out(name, task, targets[name], data)
            _learn(name, task, targets[name], has_begun)
    known = getattr(data, "splits", ("val", "test"))
    others = [each for each in ("val", "test", "meta") if each in known]
    for each in others if split == "train" else (split,):
        with _file_named(data, each):
            check_targets(tasks, data.targets(each), each, name_of_data)


@contextmanager
def _file_named(data: Any, split: str) -> Iterator[None]:
    """Let an error of a sample name its file, since users do not know its index in a split."""
    try:
        yield
    except SampleError as error:
        names = data.names(split) if hasattr(data, "names") else None
        if names is None:
            raise
        # If targets are on disk, only some have been checked.
        place = places_to_look_at(data.splits[split].targets[error.task])[error.place]
        raise InputError(f"{error} (the sample is {names[int(place)]})") from error


def _refuse_all_kept_out(name: str, task: Task, targets: Any, data: Any) -> None:
    """Raise an error if a task has no training label because the meta set contains all of them."""
    if META not in getattr(data, "splits", ()) or bool(task.known(targets).any()):
        return
    kept_out = int(task.known(data.targets(META)[name]).sum())
    if kept_out:
        what = "the only labelled sample" if kept_out == 1 else f"all {kept_out} labelled samples"
        raise InputError(
            f"task '{name}': {what} went into the meta set, so training has none; set a smaller "
            "share data.init_args.meta, or another data.init_args.seed"
        )


def _learn(name: str, task: Task, targets: Any, has_begun: bool) -> None:
    """Let a task learn its statistics, except those that it keeps."""
    kept = {each: value.clone() for each, value in task.state_dict().items()}
    kept = {each: value for each, value in kept.items() if each in task.kept_statistics}
    if (kept or has_begun) and not task.known(targets).any():
        task.check(name, targets, "training")
        return
    task.learn_statistics(name, targets)
    task.load_state_dict(kept, strict=False)


def unlabelled(tasks: Mapping[str, Task], data: Any, split: str) -> list[str]:
    """Find the tasks without a label in a split.

    Args:
        tasks: the model's tasks by name.
        data: a `multitask.data.DataModule`.
        split: ``train``, ``val`` or ``test``; returns none if there is no such split.
    """
    data.setup()
    if split not in data.splits:
        return []
    seen, samples = data.targets(split), data.splits[split]

    def is_known(name: str, task: Task) -> bool:
        if len(seen[name]) == 0 or bool(task.known(seen[name]).any()):
            return True
        if len(seen[name]) == len(samples):
            return False
        # If targets are on disk, only some have been checked.
        places = torch.arange(len(samples)).split(CHUNK)
        return any(bool(task.known(samples.targets[name][each]).any()) for each in places)

    return [name for name, task in tasks.items() if not is_known(name, task)]


def name_unlabelled(tasks: Mapping[str, Task], data: Any) -> None:
    """Warn of tasks that count in the score but have no label in the validation split.

    Args:
        tasks: the model's tasks by name.
        data: a `multitask.data.DataModule`.
    """
    for name in unlabelled(tasks, data, "val"):
        if name in counting(tasks):
            rank_zero_warn(
                f"task '{name}' has no label in the validation split, so val/score and the choice "
                "of the best epoch ignore it; give it some, or set its counts to false"
            )


def name_disordered(tasks: Mapping[str, Task]) -> None:
    """Warn of ordered classes whose names contradict the order, such as high, low, medium.

    Args:
        tasks: the model's tasks by name; only those with ordered classes are checked.
    """
    for name, task in tasks.items():
        classes = (task.class_names or []) if isinstance(task, Ordinal) else []
        right = ordered(classes)
        if right is not None and classes not in (right, right[::-1]):
            rank_zero_warn(
                f"task '{name}': an Ordinal needs its classes from the lowest to the highest, but "
                f"they are {', '.join(classes)}; list them as {', '.join(right)}, in the task and "
                "in the data, or make the task a multitask.tasks.Classification"
            )


def name_left_behind(tasks: Mapping[str, Task], data: Any) -> None:
    """Warn of boxes and points in a table that are not moved when images are resized.

    Args:
        tasks: the model's tasks by name.
        data: a `multitask.data.DataModule`; only a `multitask.data.Table` is checked.
    """
    if not isinstance(data, Table) or data.image_column is None:
        return
    height, width = data.format.shape[1:]
    if bool((data.cache.sizes == torch.tensor([height, width])).all()):
        return
    for name, task in tasks.items():
        if isinstance(task, Box | Keypoints) and name not in data.geometry:
            way = "box: xyxy" if isinstance(task, Box) else "follows: multitask.geometry.Positions"
            rank_zero_warn(
                f"task '{name}': images are resized to {height} x {width}, but the target's "
                "numbers stay as they are in the table; if they are pixels of the original "
                f"images, add {way} to data.init_args.targets.{name}"
            )


def _check_names(
    tasks: Mapping[str, Task], names: Mapping[str, Sequence[str]], what: Literal["class", "label"]
) -> None:
    """Reject a class or a label whose number in the data differs from that in its task.

    A task may use other names than the data.
    """
    many = {"class": "classes", "label": "labels"}
    for task, in_data in names.items():
        model = tasks.get(task)
        if what == "label":
            known = model.labels if isinstance(model, MultiLabel) else []
        else:
            known = (model.class_names or []) if model is not None else []
        if known == list(map(str, range(len(known)))):
            # They have no names but their numbers.
            continue
        for place, name in enumerate(known):
            if name in in_data and in_data.index(name) != place:
                raise InputError(
                    f"task '{task}': '{name}' is {what} {place} of the task's {many[what]}, but "
                    f"{what} {in_data.index(name)} of the data's; list the same names in the same "
                    "order"
                )
