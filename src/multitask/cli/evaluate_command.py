"""``multitask evaluate``: metrics of a trained model with intervals, on any labelled images."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from multitask.after.evaluating.comparison import Change, check_same, compare
from multitask.after.evaluating.evaluation import Results, evaluate
from multitask.after.evaluating.evaluation_files import write_evaluation
from multitask.after.evaluating.evaluation_report import changes_in_words, notes, number, remarks
from multitask.after.labelled_samples import LabelledSamples, own_samples
from multitask.after.labelled_table import labelled_table
from multitask.after.loading import load
from multitask.after.trained_model import TrainedModel
from multitask.cli.options import read_options
from multitask.errors import InputError, naming
from multitask.pages.shown import shown
from multitask.pages.yaml_text import to_yaml
from multitask.runs.folder import PROVENANCE, folder_of, make_folder, new_folder
from multitask.runs.log_file import LOG, keep_log, say
from multitask.runs.provenance import provenance

OPTIONS: dict[str, Any] = {
    "group": None,
    "against": None,
    "split": None,
    "image_column": None,
    "image_folder": None,
    "folder": None,
    "device": None,
    "trust": False,
}


def evaluate_command(arguments: Sequence[str]) -> None:
    """Evaluate a checkpoint, on the screen and in a folder of its own.

    Args:
        arguments: what follows the verb.

    Raises:
        InputError: if an argument, a checkpoint or the table is not right.
    """
    what = "a checkpoint, and a table of labelled images unless its run's own are meant"
    given = read_options("evaluate", what, arguments, range(1, 3), **OPTIONS)
    checkpoint, table = (*given.subjects, None)[:2]
    if table is not None and given.split is not None:
        raise InputError("split is about the run's own data; leave it out, or the table")
    trained = load(checkpoint, given.trust, given.device)
    samples = _samples(trained, table, given)
    results, changes = evaluate(trained, samples), []
    if given.against is not None:
        other = load(given.against, given.trust, given.device)
        others = _samples(other, table, given)
        check_same(samples, others)
        changes = compare(results, evaluate(other, others))
    folder = _folder(given.folder, Path(checkpoint))
    make_folder(folder)
    keep_log(folder)
    with naming(folder):
        (folder / PROVENANCE).write_text(to_yaml(provenance()), encoding="utf-8")
        page = write_evaluation(results, folder, changes, given.against or "")
    _report(results, changes)
    say(f"Evaluation: {page}")


def _samples(trained: TrainedModel, table: str | None, given: Namespace) -> LabelledSamples:
    if table is None:
        return own_samples(trained, given.split or "test", given.group)
    folder = None if given.image_folder is None else Path(given.image_folder)
    return labelled_table(trained, Path(table), given.group, given.image_column, folder)


def _folder(given: str | None, checkpoint: Path) -> Path:
    if given is not None:
        return new_folder(Path(given))
    run = folder_of(checkpoint)
    # The evaluation of a run's checkpoint belongs to the run.
    return new_folder(Path("evaluations") if run is None else run / "evaluate")


def _report(results: Results, changes: Sequence[Change]) -> None:
    console = Console(record=True)
    console.print(_metrics(results))
    if changes:
        console.print(_differences(changes))
    LOG.info("\n" + console.export_text())
    for each in [*notes(results), *remarks(results)]:
        say(each)
    if changes:
        say(changes_in_words(results, changes))


def _table(title: str, texts: Sequence[str], numbers: Sequence[str]) -> Table:
    # Square brackets in a name are not colours.
    table = Table(title=escape(shown(title)), title_justify="left")
    for column in texts:
        table.add_column(column, no_wrap=True)
    for column in numbers:
        table.add_column(column, justify="right")
    return table


def _metrics(results: Results) -> Table:
    columns = ["value", "95 % interval", "trivial predictor"]
    table = _table(f"{results.samples.title}, original units", ["task", "metric"], columns)
    for task, found in results.tasks.items():
        for metric, each in found.estimates.items():
            if metric == "loss":
                continue
            arrow = "↑" if found.higher_is_better[metric] else "↓"
            has_ends = each.low == each.low
            ends = f"{number(each.low)} to {number(each.high)}" if has_ends else ""
            row = [number(each.value), ends, number(found.trivial.get(metric))]
            table.add_row(task, escape(f"{metric} {arrow}"), *row)
    return table


def _differences(changes: Sequence[Change]) -> Table:
    columns = ["difference", "95 % interval", "p (Holm)"]
    table = _table("difference from the other checkpoint", ["task", "metric"], columns)
    for each in changes:
        if each.metric != "loss":
            ends = f"{number(each.low)} to {number(each.high)}" if each.low == each.low else ""
            row = [number(each.difference), ends, number(each.adjusted)]
            table.add_row(each.task, escape(each.metric), *row)
    return table
