"""Contributions of the parts of samples for each task, as shown on a page."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from multitask.after.explaining.answers import said_of_parts
from multitask.after.explaining.explanation import Explanation
from multitask.after.explaining.parts import Part
from multitask.pages.blocks import Block, Mark, Paragraph, Section, Table, Text
from multitask.pages.shown import shortened

MOST_TASKS = 6
MOST_UNREAD = 40
"""Number of characters that are shown of a text after its last part."""


def parts_section(found: Explanation) -> Iterator[Block]:
    """Show each sample with its parts coloured for each task.

    Args:
        found: an explanation of a model with inputs other than images.
    """
    if not found.effects:
        return
    explained = "; ".join(f"{name}: {each.what}" for name, each in found.effects.items())
    yield Section("What counts for each task", said_of_parts(found))
    yield Paragraph(
        f"What is explained: {explained}. Each token of a text, each column and each input is left "
        "out by itself: red parts raise the explained number, blue ones lower it (in report.md "
        "those in bold and in italics). For each task the strongest part of all samples has the "
        "full colour; tokens.csv, columns.csv and inputs.csv have the numbers. A class counts by "
        "its logit, a number in deviations of the training targets, a vector by its squared "
        "distance from their mean, labels of tokens by the mean logit of the others."
    )
    tasks = list(found.effects)[:MOST_TASKS]
    rows = [
        [name, *(_sample(found, task, place) for task in tasks)]
        for place, name in enumerate(found.names)
    ]
    yield Table(["sample", *tasks], rows, of_samples=True)
    if len(found.effects) > MOST_TASKS:
        yield Paragraph(f"The table shows the first {MOST_TASKS} tasks.")


def _sample(found: Explanation, task: str, place: int) -> Text:
    """A sample's parts, coloured by their contribution for a task."""
    effects = found.effects[task]
    most = float(effects.effects.abs().max()) if len(effects.effects) else 0.0
    shown: list[str | Mark] = []
    if effects.classes[place]:
        shown.append(f"{shortened(effects.classes[place], 40)}: ")
    last: Part | None = None
    for part, effect in _of_sample(found, effects.effects, place):
        if last is not None and part.input != last.input:
            shown.append(f"{_end(last)}; ")
        if not part.places and (last is None or last.places):
            shown.append("inputs: ")
        shown += [part.before, Mark(part.text, effect / most if most else 0.0)]
        last = part
    if last is not None:
        shown.append(_end(last))
    return tuple(each for each in shown if each != "")


def _of_sample(found: Explanation, effects: Tensor, place: int) -> Iterator[tuple[Part, float]]:
    for part, effect in zip(found.parts, effects.tolist(), strict=True):
        if part.sample == place:
            yield part, effect


def _end(part: Part) -> str:
    unread = part.behind
    return unread if len(unread) <= MOST_UNREAD else f"{unread[:MOST_UNREAD]}…"
