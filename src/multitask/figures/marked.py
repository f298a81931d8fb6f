"""Samples with boxes and points drawn on their images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from multitask.data.faces import Shown
from multitask.tasks import Task
from multitask.tasks.marks import TARGETS, WORDS, Marks
from multitask.tasks.output import Output, rows_of


def with_marks(
    samples: Sequence[Shown],
    tasks: Mapping[str, Task],
    targets: Mapping[str, Tensor],
    predictions: Mapping[str, Output] | None = None,
) -> list[Shown]:
    """Add to each sample a copy of its image for each task that predicts image locations.

    Args:
        samples: display forms of the samples; those without a picture named ``image`` are
            unchanged.
        tasks: tasks by name.
        targets: the samples' targets by task.
        predictions: the samples' predictions by task; default: none.

    Returns:
        One for each sample, in the same order.
    """
    found = [dict(each) for each in samples]
    for place, sample in enumerate(found):
        image = sample.get("image")
        for name, task in tasks.items() if isinstance(image, Tensor) else ():
            marks = Marks(image)  # type: ignore[arg-type]
            guess: Any = None if predictions is None else _one(predictions[name], place)
            if task.mark(marks, targets[name][place], guess):
                words = TARGETS if predictions is None else WORDS
                sample[f"{name}, {words}"] = marks.picture
    return found


def _one(predictions: Output, place: int) -> Any:
    one = rows_of(predictions, slice(place, place + 1))
    return {key: each[0] for key, each in one.items()} if isinstance(one, dict) else one[0]
