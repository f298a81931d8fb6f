"""Validation of targets that are lists of boxes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from multitask.errors import InputError, SampleError


def check_box_lists(name: str, targets: Tensor, split: str, classes: Sequence[str]) -> None:
    """Reject targets that are not lists of boxes.

    Args:
        name: the task's name, for the message.
        targets: a split's targets, missing ones included.
        split: the split in words.
        classes: names of the classes.

    Raises:
        InputError: names the first sample that does not fit, and what is expected.
    """
    if not targets.is_floating_point() or targets.ndim != 3 or targets.shape[2] != 5:
        raise InputError(
            f"task '{name}': its {split} targets are {targets.dtype} of shape "
            f"{list(targets.shape)}; a detection needs floating-point numbers of shape [samples, "
            "boxes, 5]: class, left, top, right and bottom in pixels"
        )
    unknown = targets.isnan().flatten(1)
    kind, there = targets[:, :, 0], targets[:, :, 0] >= 0
    sides = targets[:, :, 1:]
    inverted = (there.unsqueeze(2) & (sides[:, :, 2:] <= sides[:, :, :2])).any(2)
    many = len(classes)
    checks = (
        (
            targets.isinf().flatten(1).any(1),
            "is infinite; give pixels, or NaN for all of an unlabelled sample",
        ),
        (
            unknown.any(1) & ~unknown.all(1),
            "is partly NaN; an unlabelled sample must be entirely NaN, and a row without a box has "
            "class -1 and zeros",
        ),
        (
            ((kind != kind.round()) | (kind < -1) | (kind >= many))
            .logical_and(~kind.isnan())
            .any(1),
            f"has a class that is not a whole number from 0 to {many - 1}, or -1 for no box; the "
            f"task has {many} {'class' if many == 1 else 'classes'}",
        ),
        (
            inverted.any(1),
            "has a box whose right is not greater than its left, or its bottom than its top",
        ),
    )
    for wrong, words in checks:
        if wrong.any():
            row = int(wrong.nonzero()[0])
            raise SampleError(
                name, row, f"task '{name}': the target of {split} sample {row} {words}"
            )
