"""Screen output of robustness."""

from __future__ import annotations

from rich.markup import escape

from multitask.after.evaluating.evaluation_report import number
from multitask.after.evaluating.screen_tables import new_table
from multitask.after.robustness.measurement import Robustness
from multitask.after.robustness.sanity import size_in_words
from multitask.pages.screen_table import print_tables


def show_robustness(found: Robustness) -> str:
    """Print each task's headline metric under each attack on all tasks.

    Args:
        found: results of the measurement.

    Returns:
        The printed text, without colours.
    """
    several = [("none", found.clean), *((size_in_words(e), e) for e in found.attacked)]
    title = f"{found.clean.results.samples.title}, attacks on all tasks"
    table = new_table(title, ["task", "metric"], [name for name, _ in several])
    for task in found.tasks:
        arrow = "↑" if found.higher_is_better(task) else "↓"
        values = [number(found.estimate(each, task).value) for _, each in several]
        table.add_row(task, escape(f"{found.headline(task)} {arrow}"), *values)
    return print_tables([table])
