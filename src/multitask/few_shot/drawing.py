"""Drawing a support set: a few labels of each class, or a few samples."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from multitask import missing_labels
from multitask.errors import InputError
from multitask.tasks import Classification, Task


def draw_support(
    name: str, task: Task, targets: Tensor, shots: int, seed: int, among: Tensor | None = None
) -> Tensor:
    """Select the samples of a support set.

    With the same seed, a draw with fewer shots is a subset of one with more. For a vector, a sample
    counts as labelled if all of its numbers are known; for a map, if any pixel is.

    name: the task's name, for messages.
        task: the task; if it has classes (see `is_of_classes`), shots are drawn for each class.
        targets: targets of the samples to draw from, as for the task, missing ones included; first
        axis ``[samples]``.
        shots: number of labels of each class, or of samples if the task has no classes.
        seed: seed of the draw.
        among: indices that may be drawn, shape ``[allowed]``, int64; default: all.

    Returns:
        Indices of the samples, class by class, shape ``[classes * shots]`` or ``[shots]``, int64.

    Raises:
        InputError: if there are fewer labels than shots; names the class with the fewest.
    """
    if shots < 1:
        raise InputError(f"shots is {shots}; a support set needs at least 1 shot")
    places = torch.arange(len(targets)) if among is None else among.cpu()
    target = targets[places].cpu()
    pools = [(kind, places[mask]) for kind, mask in _pools(task, target)]
    what, fewest = min(pools, key=lambda each: len(each[1]))
    if len(fewest) < shots:
        right = f"give {len(fewest):,} at most" if len(fewest) else "label some samples"
        raise InputError(
            f"'{name}' has {_counted(len(fewest), what)}, fewer than {_shots(shots)}; {right}"
        )
    # One generator for each class, so that the draws of classes do not depend on each other.
    found = []
    for number, (_, pool) in enumerate(pools):
        generator = torch.Generator().manual_seed(len(pools) * seed + number)
        found.append(pool[torch.randperm(len(pool), generator=generator)[:shots]])
    return torch.cat(found)


def is_of_classes(task: Task, targets: Tensor) -> bool:
    """Whether a task gives one class to each sample.

    Args:
        task: the task.
        targets: targets of some samples.
    """
    is_number = not targets.is_floating_point() and targets.ndim == 1
    return isinstance(task, Classification) and is_number


def _pools(task: Task, target: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Names of the groups to draw from, and the samples of each: by class if there are classes."""
    if isinstance(task, Classification) and is_of_classes(task, target):
        for number, kind in enumerate(task.classes):
            called = kind if task.has_numbers_as_names else f"'{kind}'"
            yield f"label% of class {called}", target == number
        return
    known = task.known(target)
    if target.is_floating_point() and target.ndim <= 2:
        known = missing_labels.known(target).reshape(len(target), -1).all(1)
    yield "sample% with a label", known


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what.replace('%', '' if count == 1 else 's', 1)}"


def _shots(count: int) -> str:
    return f"{count:,} shot" + ("" if count == 1 else "s")
