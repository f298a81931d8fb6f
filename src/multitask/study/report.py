"""A study's report: a page with tables and figures, as HTML and Markdown, and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from multitask.pages.blocks import Block, Bullets, Code, Figure, Heading, Paragraph, Section
from multitask.pages.report import write_pages
from multitask.pages.spreadsheet import write_csv
from multitask.study import answers
from multitask.study.all_metrics import drop
from multitask.study.comparison import (
    affinities,
    between_methods,
    costs,
    differences,
    further_scores,
    lookahead,
    scores,
)
from multitask.study.figures import draw
from multitask.study.origin import origin
from multitask.study.plan import SINGLE_TASK, Study
from multitask.study.report_tables import (
    comparison_table,
    cost_table,
    difference_table,
    other_tasks,
    score_tables,
    unfinished,
)
from multitask.study.results import Results
from multitask.study.size_table import size_table
from multitask.study.statistics import LEAST_SEEDS
from multitask.study.verdicts import against_alone, against_each_other, verdicts


def write_report(
    results: Results,
    folder: Path,
    commands: Mapping[str, Sequence[str]],
    opening: Sequence[Block] = (),
    further: Sequence[Block] = (),
) -> Path:
    """Write ``report.md``, ``report.html``, their figures and tables.

    Args:
        results: results of the study.
        folder: the study's folder.
        commands: the arguments that reproduce each run, by its title.
        opening: blocks that come before the first table.
        further: sections that come after the comparisons.

    Returns:
        The HTML file, which is self-contained.
    """
    figures: dict[str, Figure] = {}
    if results.methods:
        figures = draw(results, folder / "figures")
        _write_tables(results, folder)
    page = list(_page(results, figures, commands, opening, further))
    return write_pages(page, folder, results.study.name)


def _write_tables(results: Results, folder: Path) -> None:
    by_method = {
        "scores": scores(results),
        "costs": costs(results),
        "affinities": affinities(results),
        "lookahead": lookahead(results),
    }
    for name, table in by_method.items():
        write_csv(table, folder / f"{name}.csv", index=True)
    rows = {
        "differences": differences(results),
        "comparisons": between_methods(results),
        "runs": results.runs,
        "values": results.scores,
    }
    if len(results.further):
        write_csv(further_scores(results), folder / "further_scores.csv", index=True)
        rows["further_values"] = results.further
    if results.study.delta_m is not None:
        write_csv(drop(results), folder / "delta_m.csv", index=True)
    for name, table in rows.items():
        write_csv(table, folder / f"{name}.csv")


def _page(
    results: Results,
    figures: Mapping[str, Figure],
    commands: Mapping[str, Sequence[str]],
    opening: Sequence[Block],
    further: Sequence[Block],
) -> Iterator[Block]:
    yield Heading(results.study.name, 1)
    yield Paragraph(answers.of_runs(results))
    yield Paragraph(
        (
            "Every run has the budget that its configuration states; the best epoch is chosen by ",
            Code("val/score"),
            f"; the test set is used once, for that epoch. {_intervals(results.study)}",
        )
    )
    yield from opening
    if results.methods:
        yield from _findings(results, figures, further)
    else:
        of = " of the study's tasks" if len(results.scores) else ""
        yield Section("Test results", f"No run{of} has been tested yet.")
    yield from other_tasks(results)
    yield from unfinished(results)
    if results.methods:
        yield from origin(results, commands)


def _findings(
    results: Results, figures: Mapping[str, Figure], further: Sequence[Block]
) -> Iterator[Block]:
    yield Section("Test results", answers.of_scores(results))
    yield from score_tables(results)
    yield from _figure(figures, "delta_m")
    yield from _against_alone(results)
    if results.study.comparisons:
        yield from _against_each_other(results)
    yield from further
    drawn: dict[str, tuple[str, Callable[[], str]]] = {
        "trade_off": ("Trade-offs between tasks", lambda: answers.of_trade_offs(results)),
        "learning": ("Learning curves", lambda: answers.of_learning(results)),
        "gradients": ("Conflicts between gradients", lambda: answers.of_gradients(results)),
        "affinity": ("Which task helps which", lambda: answers.of_affinities(affinities(results))),
        "lookahead": (
            "Which task helps which, as one run estimates it",
            lambda: answers.of_affinities(lookahead(results), "By this estimate, "),
        ),
    }
    for name, (title, answer) in drawn.items():
        if name in figures:
            yield Section(title, answer())
            yield figures[name]
    yield Section("Training cost", answers.of_costs(results))
    yield from cost_table(results)
    yield from size_table(results)


def _figure(figures: Mapping[str, Figure], name: str) -> Iterator[Block]:
    if name in figures:
        yield figures[name]


def _against_alone(results: Results) -> Iterator[Block]:
    methods = [method for method in results.methods if method != SINGLE_TASK]
    if SINGLE_TASK not in set(results.runs["method"]) or not methods:
        return
    title = "Compared with training each task alone"
    if SINGLE_TASK not in results.methods:
        yield Section(title, "No task that was trained alone has a result.")
        return
    table = differences(results)
    found = verdicts(results, table, [(method, SINGLE_TASK) for method in methods])
    yield Section(title, against_alone(found, len(results.study.seeds)))
    if len(found) > 1:
        yield Bullets([each.sentence for each in found])
    yield from difference_table(results, table, methods)


def _against_each_other(results: Results) -> Iterator[Block]:
    table, pairs = between_methods(results), results.study.comparisons
    found = verdicts(results, table, [(one, other) for one, other in pairs])
    title = "Methods compared with each other"
    yield Section(title, against_each_other(found, len(results.study.seeds)))
    if len(found) > 1:
        yield Bullets([each.sentence for each in found])
    yield from comparison_table(results, table)


def _intervals(study: Study) -> str:
    if len(study.seeds) >= LEAST_SEEDS:
        return "± is half of the 95 % interval over seeds (Student's t), for three seeds or more."
    return "There are no intervals and no tests, which need at least three seeds."
