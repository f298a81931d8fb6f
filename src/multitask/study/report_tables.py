"""The tables of a study's report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from multitask.pages.blocks import Block, Heading, Paragraph, Section, Table
from multitask.pages.words import arrow, counted, listed
from multitask.study.all_metrics import drop_table
from multitask.study.answers import of_unfinished
from multitask.study.comparison import costs, further_scores, scores
from multitask.study.numbers import number, with_interval
from multitask.study.plan import SINGLE_TASK, TUNED
from multitask.study.results import TOTAL, Results
from multitask.study.statistics import seed_interval
from multitask.study.verdicts import SIGNIFICANT


def score_tables(results: Results) -> Iterator[Block]:
    """Each method's test metrics, including those that are not compared."""
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
            "percent of the single-task networks of the same seed, positive if it is better. "
        )
    yield Table(["method", *heads, "mean rank"], rows)
    yield Paragraph(f"{delta}Ranks are among the methods that train all tasks.")
    if len(results.further):
        yield Heading("Further metrics, which are not compared", 3)
        yield _further_scores(results)
    yield from drop_table(results)


def _further_scores(results: Results) -> Table:
    table = further_scores(results)
    kinds = results.further.drop_duplicates(["task", "metric"])
    names = {
        f"{row['task']} {row['metric']}": arrow(row["higher_is_better"])
        for _, row in kinds.iterrows()
    }
    return Table(
        ["method", *(f"{name} {end}".strip() for name, end in names.items())],
        [
            [str(method), *(with_interval(row[name], row[f"{name} ±"]) for name in names)]
            for method, row in table.iterrows()
        ],
    )


def difference_table(
    results: Results, table: pd.DataFrame, methods: Sequence[str]
) -> Iterator[Block]:
    """Comparison of each method with the single-task networks, for each task.

    Args:
        results: results of the study.
        table: table of `multitask.study.comparison.differences`.
        methods: methods to show.
    """
    cells = {(row["method"], row["task"]): row for _, row in table.iterrows()}
    yield Table(
        ["method", *(f"{task} {_arrow(results, task)}" for task in results.tasks)],
        [
            [method, *(_difference(cells.get((method, task))) for task in results.tasks)]
            for method in methods
        ],
    )
    yield Paragraph(
        f"Mean difference to the single-task network of the same seed; {_star(table)} In brackets, "
        "the probability that a run of the method is better than a single-task run (ties half)."
    )


def comparison_table(results: Results, table: pd.DataFrame) -> Iterator[Block]:
    """The pairs of methods that the study compares, for each task.

    Args:
        results: results of the study.
        table: table of `multitask.study.comparison.between_methods`.
    """
    cells = {(row["method"], row["other"], row["task"]): row for _, row in table.iterrows()}
    yield Table(
        ["methods", *(f"{task} {_arrow(results, task)}" for task in results.tasks)],
        [
            [f"{one} - {other}", *(_difference(cells.get((one, other, t))) for t in results.tasks)]
            for one, other in results.study.comparisons
        ],
    )
    yield Paragraph(
        "The first method's metric less the second's of the same seed; "
        f"{_star(table)} In brackets, the probability that a run of the first is better."
    )


def _star(table: pd.DataFrame) -> str:
    tests = int(table["p"].notna().sum())
    if not tests:
        return "without a test, which needs at least three seeds that differ."
    return (
        f"* marks a clear difference: p < {SIGNIFICANT} in a paired t-test, after Holm's "
        f"correction for the {counted(tests, 'comparison')} of this table."
    )


def _difference(row: pd.Series[float] | None) -> str:
    if row is None:
        return ""
    star = "*" if row["p Holm"] < SIGNIFICANT else ""
    shown = with_interval(row["difference"], row["±"], sign=True)
    return f"{shown}{star} ({row['wins']:.2f})"


def other_tasks(results: Results) -> Iterator[Block]:
    """Test metrics of tasks that the study's experiment lacks; nothing if there are none."""
    rows = results.scores[~results.scores["task"].isin(results.study.tasks)]
    pairs = list(rows[["method", "task"]].drop_duplicates().itertuples(index=False, name=None))
    if not pairs:
        return
    methods, tasks = (list(dict.fromkeys(each)) for each in zip(*pairs, strict=True))
    yield Section(
        "Tasks that are not compared",
        f"{listed(methods)} {'has' if len(methods) == 1 else 'have'} {listed(tasks)}, which "
        f"{results.study.experiment} lacks.",
    )
    table = []
    for method, task in pairs:
        name = f"{results.metrics[task]} {_arrow(results, task)}"
        value = with_interval(*seed_interval(results.values(method, task)))
        table.append([method, task, name, value])
    yield Table(["method", "task", "metric", "value"], table)


def cost_table(results: Results) -> Iterator[Block]:
    """The cost of one seed of each method, with and without what the method starts from."""
    has_single = SINGLE_TASK in results.methods
    rows = []
    for method, row in costs(results).iterrows():
        rows.append([str(method), *_cost_cells(row, "", has_single)])
        if starts := results.starts(str(method)):
            name = f"{method}, with {listed(reversed(starts))}"
            rows.append([name, *_cost_cells(row, TOTAL, has_single)])
    heads = ["method", "seconds", *(["of single task"] if has_single else [])]
    passes = ["steps", "forward passes", "backward passes"]
    yield Table([*heads, *passes, "peak memory, MiB", "parameters"], rows)
    remarks = ["All of one seed. Passes are through the encoder."]
    if has_single:
        remarks.append(f"'{SINGLE_TASK}' is the sum over its networks.")
    if TUNED in results.methods:
        remarks.append(f"'{TUNED}' includes its trials, divided among the seeds.")
    if any(results.starts(method) for method in results.methods):
        remarks.append("'with' adds what a method starts from, which all that do share.")
    yield Paragraph(" ".join(remarks))


def _cost_cells(row: pd.Series[float], before: str, has_single: bool) -> list[str]:
    """The cells of a row; memory and parameters are those of the run alone."""
    passes = ("steps", "forward_passes", "backward_passes")
    shown = [(f"{before}seconds", ".1f"), *((f"{before}{name}", ".0f") for name in passes)]
    if has_single:
        shown.insert(1, (f"{before}of single task", ".2f"))
    cells = ["" if row[name] != row[name] else format(row[name], form) for name, form in shown]
    return [*cells, f"{row['peak_memory'] / 2**20:.0f}", f"{row['parameters']:,.0f}"]


def unfinished(results: Results) -> Iterator[Block]:
    """The runs without a result, and the reasons; nothing if there are none."""
    rows = results.runs[results.runs["state"] != "finished"]
    if len(rows):
        yield Section("Runs without a result", of_unfinished(results))
        yield Table(
            ["run", "seed", "state", "reason"],
            [
                [_run(row), str(row["seed"]), row["state"], row["reason"]]
                for _, row in rows.iterrows()
            ],
        )


def _run(row: pd.Series[str]) -> str:
    return ", ".join(filter(None, [row["method"], row["part"]]))


def _arrow(results: Results, task: str) -> str:
    return "↑" if results.higher_is_better[task] else "↓"
