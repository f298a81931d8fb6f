"""The page on a model's robustness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from multitask.after.evaluating.evaluation_report import number, remarks, with_interval
from multitask.after.robustness.drawings import by_kind, draw_robustness, of_norm
from multitask.after.robustness.measurement import Measured, Robustness
from multitask.after.robustness.sanity import size_in_words, warnings_of
from multitask.after.robustness.tables import robustness_table, write_json
from multitask.after.robustness.words import (
    of_alone,
    of_attacks,
    of_corruptions,
    of_strength,
    severity_mean,
)
from multitask.pages.blocks import Block, Bullets, Figure, Heading, Paragraph, Section, Table
from multitask.pages.report import write_pages
from multitask.pages.spreadsheet import write_csv
from multitask.pages.words import counted
from multitask.robustness.attack import Attack
from multitask.robustness.corruptions import KINDS, Corruption

CSV, JSON = "robustness.csv", "robustness.json"


def write_robustness(found: Robustness, folder: Path) -> Path:
    """Write ``robustness.csv``, ``robustness.json``, figures, ``report.html`` and ``report.md``.

    Args:
        found: results of the measurement.
        folder: existing folder that the files are written to.

    Returns:
        The HTML file, which is self-contained.
    """
    write_csv(robustness_table(found), folder / CSV)
    write_json(found, folder / JSON)
    figures = draw_robustness(found, folder / "figures")
    blocks = [*_opening(found), *_attacks(found, figures), *_alone(found)]
    blocks += [*_strength(found), *_corruptions(found, figures)]
    return write_pages(blocks, folder, f"Robustness: {found.clean.results.samples.title}")


def _opening(found: Robustness) -> Iterator[Block]:
    results = found.clean.results
    count = counted(len(results.samples), "sample")
    yield Heading(f"Robustness: {results.samples.title}, {count}", 1)
    yield Paragraph(f"Model: {results.trained.source}")
    for each in remarks(results):
        yield Paragraph(each)


def _attacks(found: Robustness, figures: Mapping[str, Figure]) -> Iterator[Block]:
    if not found.attacked:
        return
    yield Section("Attacks on all tasks together", of_attacks(found))
    rows = [_row(found, "none", found.clean)]
    rows += [_row(found, size_in_words(each), each) for each in found.attacked]
    yield Table(["attack", *_heads(found)], rows)
    yield Paragraph(
        f"Each task's headline metric and its 95 % interval. Each attack takes {found.plan.steps} "
        f"steps from each of {counted(found.plan.restarts, 'random place')}, and the images with "
        "the largest sum of the tasks' losses count. Sizes are of pixels from 0 to 1: L-inf is the "
        "largest change of a pixel, L2 the length of the change of the whole image."
    )
    for norm in ("inf", "2"):
        if norm in figures and of_norm(found.attacked, norm):
            yield figures[norm]


def _alone(found: Robustness) -> Iterator[Block]:
    if not found.alone:
        return
    size = size_in_words(found.alone[0])
    yield Section("Attacks on one task", of_alone(found))
    rows = [_row(found, "none", found.clean)]
    rows += [_row(found, f"{_attacked(each)} alone", each) for each in found.alone]
    rows += [
        _row(found, "all together", each) for each in found.attacked if size_in_words(each) == size
    ]
    yield Table(["attacked", *_heads(found)], rows)
    yield Paragraph(
        f"All of the size {size}. An attack on one task takes {found.plan.steps} steps from one "
        "random place; that on all together is the one of the table above."
    )


def _strength(found: Robustness) -> Iterator[Block]:
    if not found.attacked:
        return
    yield Section("Were the attacks strong enough?", of_strength(found))
    if told := warnings_of(found):
        yield Bullets([f"{each}." for each in told])
    if found.one_step is not None:
        same = [
            each for each in found.attacked if size_in_words(each) == size_in_words(found.one_step)
        ]
        several = [("1 step", found.one_step), *((f"{found.plan.steps} steps", e) for e in same)]
        rows = [[name, *_row(found, name, each)[1:], number(each.loss)] for name, each in several]
        yield Table(["attack", *_heads(found), "sum of losses"], rows)
    yield Paragraph(
        "An attack gives an upper bound of a model's robustness: a stronger one may find more. "
        "More steps and a larger size must do more harm."
    )


def _corruptions(found: Robustness, figures: Mapping[str, Figure]) -> Iterator[Block]:
    kinds = by_kind(found.corrupted)
    if not kinds:
        return
    yield Section("Corruptions", of_corruptions(found))
    if "corruptions" in figures:
        yield figures["corruptions"]
    most = max(map(len, kinds.values()))
    for task in found.tasks:
        arrow = "↑" if found.higher_is_better(task) else "↓"
        yield Heading(f"{task}: {found.headline(task)} {arrow} by severity", 3)
        yield Table(
            ["kind", "as they are", *map(str, range(1, most + 1)), "mean"],
            [_severities(found, task, kind, each, most) for kind, each in kinds.items()],
        )
    yield Bullets([_meaning(kind, each) for kind, each in kinds.items()])


def _severities(
    found: Robustness, task: str, kind: str, several: Sequence[Measured], most: int
) -> list[str]:
    values = [number(found.estimate(each, task).value) for each in several]
    clean = number(found.estimate(found.clean, task).value)
    mean = number(severity_mean(found, task, several))
    return [kind, clean, *values, *[""] * (most - len(values)), mean]


def _meaning(kind: str, several: Sequence[Measured]) -> str:
    strengths = [each.change.strength for each in several if isinstance(each.change, Corruption)]
    return f"{kind}: {KINDS[kind].meaning}: {', '.join(f'{each:g}' for each in strengths)}"


def _heads(found: Robustness) -> list[str]:
    return [
        f"{task} {found.headline(task)} {'↑' if found.higher_is_better(task) else '↓'}"
        for task in found.tasks
    ]


def _row(found: Robustness, name: str, measured: Measured) -> list[str]:
    estimates = [found.estimate(measured, task) for task in found.tasks]
    return [name, *map(with_interval, estimates)]


def _attacked(measured: Measured) -> str:
    change = measured.change
    return ", ".join(change.tasks or ()) if isinstance(change, Attack) else ""
