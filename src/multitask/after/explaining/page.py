"""An explanation as a folder: one page, its figures for a paper, and its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path

import pandas as pd
import torch
from matplotlib.figure import Figure as Drawing
from torch import Tensor

from multitask.after.explaining.attribution import STEPS
from multitask.after.explaining.drawings import (
    MOST_ROWS,
    MOST_TASKS,
    draw_cosines,
    draw_maps,
    draw_similarity,
)
from multitask.after.explaining.explanation import Explanation
from multitask.after.explaining.layer_gradients import LayerCosine
from multitask.figures.saving import save_figure
from multitask.pages.blocks import (
    Block,
    Bullets,
    Card,
    Commands,
    Figure,
    Gallery,
    Heading,
    Paragraph,
    Picture,
    Section,
    Table,
)
from multitask.pages.html import picture
from multitask.pages.report import write_pages
from multitask.pages.spreadsheet import write_csv

ALIKE = 0.1
"""Overlaps that differ by less are called the same."""


def write_explanation(found: Explanation, folder: Path, command: str) -> Path:
    """Write ``report.html``, ``report.md``, figures (PNG and PDF) and tables (CSV).

    Args:
        found: an explanation.
        folder: where the files go; it is there.
        command: that made it.

    Returns:
        The HTML file, which needs no other file.
    """
    _write_tables(found, folder)
    figures = folder / "figures"
    blocks: list[Block] = [
        Heading("What the model looks at, and what its tasks share", 1),
        Paragraph(f"Model: {found.trained.source}"),
        *_maps(found, figures),
        *_overlaps(found),
        *_cosines(found, figures),
        *_similarities(found, figures),
        *_neighbours(found),
    ]
    if found.left_out:
        blocks += [Section("Left out", _counted(len(found.left_out))), Bullets(found.left_out)]
    blocks += [Section("How to reproduce this", "Run this command."), Commands([command])]
    return write_pages(blocks, folder, "Explanation")


def in_words(found: Explanation) -> list[str]:
    """The answers of the page, a sentence each.

    Args:
        found: an explanation.
    """
    return [
        *([_said_of_overlaps(found)] if found.overlaps else []),
        *([_said_of_cosines(found.cosines)] if found.cosines else []),
        *found.left_out,
    ]


def _counted(count: int) -> str:
    return "One thing is left out." if count == 1 else f"{count} things are left out."


def _saved(figure: Drawing, path: Path, caption: str) -> Figure:
    save_figure(figure, path)
    figure.savefig(path.with_suffix(".pdf"), format="pdf")
    return Figure(path, caption)


def _maps(found: Explanation, folder: Path) -> Iterator[Block]:
    tasks = found.attributions
    explained = "; ".join(f"{name}: {each.what}" for name, each in tasks.items())
    worst = max(each.incomplete for each in tasks.values())
    yield Section(
        "What counts for each task",
        f"Explained is, for {explained}.",
    )
    yield _saved(
        draw_maps(found),
        folder / "maps.png",
        "Images (left) and integrated gradients for each task: red pixels raise the explained "
        "number, blue ones lower it; each map has a scale of its own",
    )
    yield Paragraph(
        f"Integrated gradients from a black image in {STEPS} steps. Over an image they should add "
        "up to the change of the explained number; they miss it by at most "
        f"{worst:.1%} of the largest change. A class counts by its logit, a vector by its squared "
        "distance from the mean of the training targets."
    )
    if len(found.names) > MOST_ROWS or len(tasks) > MOST_TASKS:
        yield Paragraph(f"The figure has the first {MOST_ROWS} images and {MOST_TASKS} tasks.")


def _overlaps(found: Explanation) -> Iterator[Block]:
    if not found.overlaps:
        return
    yield Section("Do the tasks look at the same places?", _said_of_overlaps(found))
    rows = [
        [f"{each.first}, {each.second}", f"{each.same:.3f}", _number(each.shuffled), each.images]
        for each in found.overlaps
    ]
    heads = ["tasks", "same image", "shuffled images", "images"]
    yield Table(heads, [[str(cell) for cell in row] for row in rows])
    yield Paragraph(
        "The share of the maps' absolute values that two tasks have in common, from 0 to 1. "
        "Shuffled: the map of one task and that of the other for another image; only what goes "
        "beyond it is due to the image itself."
    )


def _said_of_overlaps(found: Explanation) -> str:
    same = _mean([each.same for each in found.overlaps])
    shuffled = _mean([each.shuffled for each in found.overlaps])
    if isnan(shuffled):
        return f"The maps overlap by {same:.2f}; with one image there is no pair to compare with."
    what = "look at the same places" if same - shuffled >= ALIKE else "do not look at the same"
    end = "" if same - shuffled >= ALIKE else " places more than by chance"
    return f"The tasks {what}{end}: overlap {same:.2f}, shuffled pairs {shuffled:.2f}."


def _cosines(found: Explanation, folder: Path) -> Iterator[Block]:
    if not found.cosines:
        return
    yield Section("Where do the tasks' gradients agree?", _said_of_cosines(found.cosines))
    yield _saved(
        draw_cosines(found.cosines),
        folder / "gradient_cosines.png",
        "Cosine of two tasks' gradients in each shared layer, with 95 % intervals over batches",
    )


def _said_of_cosines(cosines: Sequence[LayerCosine]) -> str:
    first, last = cosines[0].layer, cosines[-1].layer
    ends = [_mean([each.cosine for each in cosines if each.layer == at]) for at in (first, last)]
    against = [each for each in cosines if each.high < 0]
    conflict = (
        f"; in {len({each.layer for each in against})} layers some tasks pull apart"
        if against
        else "; in no layer do tasks clearly pull apart"
    )
    return (
        f"The mean cosine is {ends[0]:.2f} in the first layer ({first}) and {ends[1]:.2f} in the "
        f"last ({last}){conflict}."
    )


def _similarities(found: Explanation, folder: Path) -> Iterator[Block]:
    if not found.similarities:
        return
    others = [name for name in found.similarities if name != "its own layers"]
    said = "Compared are the model's own layers"
    yield Section(
        "How similar are the layers?",
        f"{said}, and those of {', '.join(others)}."
        if others
        else f"{said} alone; give --study=FOLDER or --against=OTHER.ckpt for other networks.",
    )
    for place, (name, (rows, columns, values)) in enumerate(found.similarities.items()):
        yield _saved(
            draw_similarity(name, rows, columns, values),
            folder / f"layers_{place}.png",
            f"Linear CKA, with the unbiased HSIC, of this model's layers and {name}",
        )


def _neighbours(found: Explanation) -> Iterator[Block]:
    near = found.neighbours
    if near is None or found.training_pixels is None:
        return
    mean = float(near.cosines[:, 0].mean())
    yield Section(
        "Which training images are nearest?",
        f"The nearest training image has a cosine of {mean:.2f} with an image on average.",
    )
    cards = []
    for row, name in enumerate(found.names):
        pixels = found.training_pixels(near.places[row])
        pictures = [_picture(found.pixels[row], name)]
        pictures += [_picture(each, "a training image") for each in pixels]
        lines = [
            f"{found.training_names(int(place))}: {float(cosine):.3f}"
            for place, cosine in zip(near.places[row], near.cosines[row], strict=True)
        ]
        cards.append(Card(pictures, name, lines))
    yield Gallery(cards)


def _picture(image: Tensor, alt: str) -> Picture:
    if image.is_floating_point():
        image = (255 * image.clamp(0, 1)).round()
    image = image.to(torch.uint8)
    return picture((image[0] if len(image) == 1 else image.permute(1, 2, 0)).numpy(), alt)


def _write_tables(found: Explanation, folder: Path) -> None:
    if found.overlaps:
        write_csv(pd.DataFrame(map(asdict, found.overlaps)), folder / "overlaps.csv")
    if found.cosines:
        write_csv(pd.DataFrame(map(asdict, found.cosines)), folder / "gradient_cosines.csv")
    rows = [
        (name, row, column, float(values[at, to]))
        for name, (own, theirs, values) in found.similarities.items()
        for at, row in enumerate(own)
        for to, column in enumerate(theirs)
    ]
    if rows:
        names = ["network", "layer", "other_layer", "cka"]
        write_csv(pd.DataFrame(rows, columns=names), folder / "layers.csv")
    if found.neighbours is not None:
        near = [
            (name, found.training_names(int(place)), float(cosine))
            for name, places, cosines in zip(
                found.names, found.neighbours.places, found.neighbours.cosines, strict=True
            )
            for place, cosine in zip(places, cosines, strict=True)
        ]
        frame = pd.DataFrame(near, columns=["image", "training_image", "cosine"])
        write_csv(frame, folder / "neighbours.csv")


def _mean(values: Sequence[float]) -> float:
    known = [each for each in values if not isnan(each)]
    return sum(known) / len(known) if known else float("nan")


def _number(value: float) -> str:
    return "" if isnan(value) else f"{value:.3f}"
