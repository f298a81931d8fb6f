"""A study's report: a page with tables and figures, as HTML and Markdown, and CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from multitask.pages.blocks import Block, Code, Figure, Heading, Paragraph, Table
from multitask.pages.report import write_pages
from multitask.pages.spreadsheet import write_csv
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
from multitask.study.numbers import number, with_interval
from multitask.study.origin import origin
from multitask.study.plan import SINGLE_TASK, TUNED, Study
from multitask.study.results import Results
from multitask.study.statistics import LEAST_SEEDS

SIGNIFICANT = 0.05


def write_report(
    results: Results,
    folder: Path,
    commands: Mapping[str, Sequence[str]],
    opening: Sequence[Block] = (),
) -> Path:
    """Write ``report.md``, ``report.html``, their figures and tables.

    Args:
        results: of the study.
        folder: the study's.
        commands: the arguments that reproduce each run, by its title.
        opening: blocks that come before the first table.

    Returns:
        The HTML file, which needs no other file.
    """
    figures: list[Figure] = []
    if results.methods:
        figures = draw(results, folder / "figures")
        _write_tables(results, folder)
    page = list(_page(results, figures, commands, opening))
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
    for name, table in rows.items():
        write_csv(table, folder / f"{name}.csv")


def _page(
    results: Results,
    figures: Sequence[Figure],
    commands: Mapping[str, Sequence[str]],
    opening: Sequence[Block],
) -> Iterator[Block]:
    study, runs = results.study, results.runs
    yield Heading(study.name, 1)
    counts = runs["state"].value_counts()
    states = ", ".join(f"{count} {state}" for state, count in counts.items())
    yield Paragraph(
        (
            f"{len(runs)} runs ({states}); seeds: {len(study.seeds)}. Every run has the budget "
            "that its configuration states; the best epoch is chosen by ",
            Code("val/score"),
            f"; the test set is looked at once, by that epoch. {_intervals(study)}",
        )
    )
    yield from opening
    if not results.methods:
        yield Paragraph("No run has been tested yet.")
        yield from _unfinished(results)
        return
    yield Heading("Test metrics")
    yield from _scores(results)
    if len(results.further):
        yield Paragraph("Metrics that are not compared:")
        yield _further_scores(results)
    if SINGLE_TASK in results.methods:
        yield Heading("Against single task")
        yield from _differences(results)
    if results.study.comparisons:
        yield Heading("Method against method")
        yield from _between_methods(results)
    yield from figures
    yield Heading("Cost of one seed")
    yield from _costs(results)
    yield from _unfinished(results)
    yield Heading("Where it comes from")
    yield from origin(results, commands)


def _intervals(study: Study) -> str:
    if len(study.seeds) >= LEAST_SEEDS:
        return "± is half of the 95 % interval over seeds (Student's t), of three seeds or more."
    return "There are no intervals and no tests, which take three seeds."


def _scores(results: Results) -> Iterator[Block]:
    table = scores(results)
    heads = [f"{task} {results.metrics[task]} {_arrow(results, task)}" for task in results.tasks]
    rows = [
        [
            str(method),
            *(with_interval(row[task], row[f"{task} ±"]) for task in results.tasks),
            number(row["rank"]),
        ]
        for method, row in table.iterrows()
    ]
    delta = ""
    if SINGLE_TASK in results.methods:
        heads.append("Delta-m, %")
        for cells, (_, row) in zip(rows, table.iterrows(), strict=True):
            cells.insert(-1, with_interval(row["delta_m"], row["delta_m ±"], sign=True))
        delta = (
            "Delta-m is the mean over a method's tasks of the change of the metric above, in "
            "percent of the single-task networks of the same seed, positive where it is better. "
        )
    yield Table(["", *heads, "mean rank"], rows)
    yield Paragraph(f"{delta}Ranks are among the methods that train all tasks.")


def _further_scores(results: Results) -> Table:
    table = further_scores(results)
    kinds = results.further.drop_duplicates(["task", "metric"])
    names = {
        f"{row['task']} {row['metric']}": "↑" if row["higher_is_better"] else "↓"
        for _, row in kinds.iterrows()
    }
    return Table(
        ["", *(f"{name} {arrow}" for name, arrow in names.items())],
        [
            [str(method), *(with_interval(row[name], row[f"{name} ±"]) for name in names)]
            for method, row in table.iterrows()
        ],
    )


def _differences(results: Results) -> Iterator[Block]:
    table = differences(results)
    cells = {(row["method"], row["task"]): row for _, row in table.iterrows()}
    methods = [method for method in results.methods if method != SINGLE_TASK]
    yield Table(
        ["", *(f"{task} {_arrow(results, task)}" for task in results.tasks)],
        [
            [method, *(_difference(cells.get((method, task))) for task in results.tasks)]
            for method in methods
        ],
    )
    yield Paragraph(
        f"Mean difference to the single-task network of the same seed; * where it differs "
        f"from 0 by a paired t-test, p < {SIGNIFICANT} after Holm's correction for the "
        f"{int(table['p'].notna().sum())} comparisons of this table. In brackets, the probability "
        "that a run of the method is better than a single-task run (ties half)."
    )


def _between_methods(results: Results) -> Iterator[Block]:
    table = between_methods(results)
    cells = {(row["method"], row["other"], row["task"]): row for _, row in table.iterrows()}
    yield Table(
        ["", *(f"{task} {_arrow(results, task)}" for task in results.tasks)],
        [
            [f"{one} - {other}", *(_difference(cells.get((one, other, t))) for t in results.tasks)]
            for one, other in results.study.comparisons
        ],
    )
    yield Paragraph(
        "The first method's metric less the second's of the same seed; * as above, corrected "
        f"for the {int(table['p'].notna().sum())} comparisons of this table."
    )


def _difference(row: pd.Series[float] | None) -> str:
    if row is None:
        return ""
    star = "*" if row["p Holm"] < SIGNIFICANT else ""
    shown = with_interval(row["difference"], row["±"], sign=True)
    return f"{shown}{star} ({row['wins']:.2f})"


def _costs(results: Results) -> Iterator[Block]:
    has_single = SINGLE_TASK in results.methods
    rows = []
    for method, row in costs(results).iterrows():
        rows.append(
            [
                str(method),
                f"{row['seconds']:.1f}",
                *([f"{row['of single task']:.2f}"] if has_single else []),
                *(f"{row[name]:.0f}" for name in ("steps", "forward_passes", "backward_passes")),
                f"{row['peak_memory'] / 2**20:.0f}",
                f"{row['parameters']:,.0f}",
            ]
        )
    heads = ["", "seconds", *(["of single task"] if has_single else [])]
    passes = ["steps", "forward passes", "backward passes"]
    yield Table([*heads, *passes, "peak memory, MiB", "parameters"], rows)
    remarks = ["Passes are through the encoder."]
    if has_single:
        remarks.append("Single task is in sum over its networks.")
    if TUNED in results.methods:
        remarks.append(f"'{TUNED}' contains its trials, divided among the seeds.")
    yield Paragraph(" ".join(remarks))


def _unfinished(results: Results) -> Iterator[Block]:
    rows = results.runs[results.runs["state"] != "finished"]
    if len(rows):
        yield Heading("Runs without a result")
        yield Table(
            ["run", "seed", "state", "reason"],
            [
                [f"{row['method']} {row['part']}", str(row["seed"]), row["state"], row["reason"]]
                for _, row in rows.iterrows()
            ],
        )


def _arrow(results: Results, task: str) -> str:
    return "↑" if results.higher_is_better[task] else "↓"
