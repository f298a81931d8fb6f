"""Report of an explanation: a folder with one page, its figures for a paper, and its numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from math import isnan
from pathlib import Path

import torch
from matplotlib.figure import Figure as Drawing
from torch import Tensor

from multitask.after.explaining.answers import (
    rough_maps,
    said_of_cosines,
    said_of_layers,
    said_of_overlaps,
)
from multitask.after.explaining.drawings import (
    MOST_PAIRS,
    MOST_ROWS,
    MOST_TASKS,
    draw_cosines,
    draw_maps,
    draw_similarity,
)
from multitask.after.explaining.explanation import Explanation
from multitask.after.explaining.page_of_parts import parts_section
from multitask.after.explaining.tables import write_tables
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


def write_explanation(found: Explanation, folder: Path, command: str) -> Path:
    """Write ``report.html``, ``report.md``, figures (PNG and PDF) and tables (CSV).

    Args:
        found: an explanation.
        folder: existing folder that the files are written to.
        command: command that made it.

    Returns:
        The HTML file, which is self-contained.
    """
    write_tables(found, folder)
    figures = folder / "figures"
    blocks: list[Block] = [
        Heading("What the model looks at, and what its tasks share", 1),
        Paragraph(_model(found)),
        *_maps(found, figures),
        *parts_section(found),
        *_overlaps(found),
        *_cosines(found, figures),
        *_similarities(found, figures),
        *_neighbours(found),
    ]
    if found.left_out:
        blocks += [Section("Skipped", _counted(len(found.left_out))), Bullets(found.left_out)]
    blocks += [Section("How to reproduce this", "Run this command."), Commands([command])]
    return write_pages(blocks, folder, "Explanation")


def _model(found: Explanation) -> str:
    path = Path(found.trained.source)
    if not path.is_file():
        return f"Model: {path}"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"Model: {path}, of SHA-256 {digest}."


def _counted(count: int) -> str:
    return "One thing was skipped." if count == 1 else f"{count} things were skipped."


def _saved(figure: Drawing, path: Path, caption: str) -> Figure:
    save_figure(figure, path)
    save_figure(figure, path.with_suffix(".pdf"))
    return Figure(path, caption)


def _maps(found: Explanation, folder: Path) -> Iterator[Block]:
    tasks = found.attributions
    if not tasks:
        return
    explained = "; ".join(f"{name}: {each.what}" for name, each in tasks.items())
    said = " ".join([f"What is explained: {explained}.", *rough_maps(found)])
    yield Section("What counts for each task", said)
    yield _saved(
        draw_maps(found),
        folder / "maps.png",
        "Images (left) and integrated gradients for each task: red pixels raise the explained "
        "number, blue ones lower it; each map has a separate scale",
    )
    missed = ", ".join(
        f"{each.incomplete:.1%} for {name} ({each.steps} steps)" for name, each in tasks.items()
    )
    yield Paragraph(
        "Integrated gradients start from a black image. Over an image they should add up to the "
        "change of the explained number; they miss it by at most this share of the largest change: "
        f"{missed}. A class counts by its logit, a vector by its squared distance from the mean of "
        "the training targets, a map by its mean."
    )
    if len(found.names) > MOST_ROWS or len(tasks) > MOST_TASKS:
        yield Paragraph(f"The figure shows the first {MOST_ROWS} images and {MOST_TASKS} tasks.")


def _overlaps(found: Explanation) -> Iterator[Block]:
    if not found.overlaps:
        return
    yield Section("Do the tasks look at the same places?", said_of_overlaps(found.overlaps))
    rows = [
        [f"{o.first}, {o.second}", f"{o.same:.3f}", *map(_number, (o.shuffled, o.chance)), o.images]
        for o in found.overlaps
    ]
    heads = ["tasks", "same image", "shuffled images", "p", "images"]
    yield Table(heads, [[str(cell) for cell in row] for row in rows])
    yield Paragraph(
        "The share of the maps' absolute values that two tasks have in common, from 0 to 1. "
        "Shuffled: the map of one task and that of the other for another image; only what goes "
        "beyond it is due to the image itself. p: how often images that are paired at random reach "
        "the overlap of the same image."
    )


def _cosines(found: Explanation, folder: Path) -> Iterator[Block]:
    if not found.cosines:
        return
    yield Section("Where do the tasks' gradients agree?", said_of_cosines(found.cosines))
    yield _saved(
        draw_cosines(found.cosines),
        folder / "gradient_cosines.png",
        "Cosine of two tasks' gradients in each layer that both reach, with 95 % intervals over "
        "batches",
    )
    if len({(each.first, each.second) for each in found.cosines}) > MOST_PAIRS:
        yield Paragraph(
            f"The figure shows the {MOST_PAIRS} pairs that agree least in the last layer; the "
            "table gradient_cosines.csv has all."
        )


def _similarities(found: Explanation, folder: Path) -> Iterator[Block]:
    if not found.similarities:
        return
    yield Section("How similar are the layers?", said_of_layers(found))
    for place, (name, (rows, columns, values)) in enumerate(found.similarities.items()):
        yield _saved(
            draw_similarity(name, rows, columns, values),
            folder / f"layers_{place}.png",
            f"Linear CKA, with the unbiased HSIC, of this model's layers and {name}, on "
            f"{found.compared} {'samples' if found.seen else 'images'}",
        )


def _neighbours(found: Explanation) -> Iterator[Block]:
    near = found.neighbours
    if near is None:
        return
    mean, noun = float(near.cosines[:, 0].mean()), "sample" if found.seen else "image"
    of_one = "a sample" if found.seen else "an image"
    yield Section(
        f"Which training {noun}s are nearest?",
        f"The nearest training {noun} has a cosine of {mean:.2f} with {of_one} on average.",
    )
    if found.training_pixels is None:
        rows = [
            [name, found.training_names(int(place)), f"{float(cosine):.3f}"]
            for name, places, cosines in zip(found.names, near.places, near.cosines, strict=True)
            for place, cosine in zip(places, cosines, strict=True)
        ]
        yield Table(["sample", "training sample", "cosine"], rows)
        return
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


def _number(value: float) -> str:
    return "" if isnan(value) else f"{value:.3f}"
