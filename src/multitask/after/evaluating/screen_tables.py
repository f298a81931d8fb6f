"""Screen output of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from multitask.after.evaluating.comparison import Change
from multitask.after.evaluating.evaluation import Results
from multitask.after.evaluating.evaluation_report import number
from multitask.pages.screen_table import print_tables
from multitask.pages.shown import shown
from multitask.pages.words import arrow


def show_evaluation(results: Results, changes: Sequence[Change]) -> str:
    """Print the metrics, and the differences if there are any.

    Args:
        results: results of one checkpoint.
        changes: differences from another checkpoint.

    Returns:
        The printed text, without colours.
    """
    return print_tables([_metrics(results), *([_differences(changes)] if changes else [])])


def new_table(title: str, texts: Sequence[str], numbers: Sequence[str]) -> Table:
    """A table for the screen, without rows.

    Args:
        title: title with names from data, whose square brackets are not colour markup.
        texts: names of text columns.
        numbers: names of number columns.
    """
    table = Table(title=escape(shown(title)), title_justify="left")
    for column in texts:
        table.add_column(column, no_wrap=True)
    for column in numbers:
        table.add_column(column, justify="right")
    return table


def _metrics(results: Results) -> Table:
    columns = ["value", "95 % interval", "trivial predictor"]
    table = new_table(f"{results.samples.title}, original units", ["task", "metric"], columns)
    for task, found in results.tasks.items():
        for metric, each in found.estimates.items():
            if metric == "loss":
                continue
            named = f"{metric} {arrow(found.higher_is_better[metric])}".strip()
            has_ends = each.low == each.low
            ends = f"{number(each.low)} to {number(each.high)}" if has_ends else ""
            row = [number(each.value), ends, number(found.trivial.get(metric))]
            table.add_row(task, escape(named), *row)
    return table


def _differences(changes: Sequence[Change]) -> Table:
    columns = ["difference", "95 % interval", "p (Holm)"]
    table = new_table("difference from the other checkpoint", ["task", "metric"], columns)
    for each in changes:
        if each.metric != "loss":
            ends = f"{number(each.low)} to {number(each.high)}" if each.low == each.low else ""
            row = [number(each.difference), ends, number(each.adjusted)]
            table.add_row(each.task, escape(each.metric), *row)
    return table
