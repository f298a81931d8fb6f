"""The samples with the worst predictions, as a gallery."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multitask.after.evaluating.evaluation import Results, on_cpu
from multitask.data.faces import Shown, show_samples
from multitask.figures.marked import with_marks
from multitask.pages.blocks import Card, Gallery, Picture
from multitask.pages.html import picture
from multitask.tasks.marks import WORDS
from multitask.tasks.output import each_tensor

MOST = 24


def worst_gallery(results: Results, task: str, most: int = MOST) -> Gallery | None:
    """The samples with the largest losses, the largest first.

    Args:
        results: results of an evaluation.
        task: name of the task.
        most: number of samples to show.

    Returns:
        A card for each sample: its image, its maps, its file, target, prediction and loss; None if
        no sample has a label.
    """
    places = worst(results, task, most)
    if not places:
        return None
    prediction, target = predicted(results, task, places)
    chosen = torch.tensor(places)
    inputs = results.samples.split.inputs(chosen)
    faces = {name: face for name, face in results.samples.faces.items() if name in inputs}
    maps = results.named_tasks[task].picture(prediction)
    shown = show_samples(
        inputs, faces, {task: target}, {} if maps is None else {task: maps.float()}
    )
    named = {task: results.named_tasks[task]}
    shown = with_marks(shown, named, {task: target}, {task: prediction})
    words = _words(results, task, prediction, target)
    cards = [
        _card(results, task, place, sample, lines)
        for place, sample, lines in zip(places, shown, words, strict=True)
    ]
    return Gallery(cards)


def _card(results: Results, task: str, place: int, sample: Shown, lines: list[str]) -> Card:
    pictures = [_picture(name, each) for name, each in sample.items() if isinstance(each, Tensor)]
    texts = [f"{name}: {each}" for name, each in sample.items() if isinstance(each, str)]
    loss = f"loss: {results.tasks[task].losses[place]:.3g}"
    # Colours have no meaning without the figure's legend.
    lines = [*lines, *(WORDS for name in sample if name.endswith(WORDS))]
    seen = ["trained on"] if results.seen is not None and results.seen[place] else []
    return Card(pictures, results.samples.name(place), [*texts, *lines, loss, *seen])


def _picture(name: str, shown: Tensor) -> Picture:
    return picture((255 * shown).round().byte().numpy(), name)


def _words(results: Results, task: str, prediction: Any, target: Tensor) -> list[list[str]]:
    columns = results.named_tasks[task].side_by_side(prediction, target)
    rows = zip(*columns.values(), strict=True) if columns else ((),) * len(target)
    return [
        [f"{name}: {_written(cell)}" for name, cell in zip(columns, row, strict=True)]
        for row in rows
    ]


def _written(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and isnan(cell)):
        return "missing"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def worst(results: Results, task: str, most: int) -> list[int]:
    """The indices of the samples with the largest losses of a task, the largest first.

    Args:
        results: results of an evaluation.
        task: name of the task.
        most: number of samples.
    """
    losses = results.tasks[task].losses
    order = np.argsort(-np.nan_to_num(losses, nan=-np.inf), kind="stable")
    return [int(place) for place in order[:most] if losses[place] == losses[place]]


@torch.no_grad()
def predicted(results: Results, task: str, places: Sequence[int]) -> tuple[Any, Tensor]:
    """Compute the predictions of a task again for some samples.

    Args:
        results: results of an evaluation.
        task: name of the task.
        places: indices of the samples.

    Returns:
        Predictions and targets, first axis ``[samples]``.
    """
    trained, chosen = results.trained, torch.tensor(places, dtype=torch.int64)
    batch = {name: each.to(trained.device) for name, each in results.samples.batch(chosen).items()}
    output = trained.model(*trained.model.inputs_of(batch))[task]
    prediction = each_tensor(results.named_tasks[task].predict(output), on_cpu)
    return prediction, on_cpu(batch[task])
