"""``multitask evaluate``: metrics of a trained model with intervals, on any labelled images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from multitask.after.evaluating.comparison import Change, check_same, compare
from multitask.after.evaluating.evaluation import Results, evaluate
from multitask.after.evaluating.evaluation_files import write_evaluation
from multitask.after.evaluating.evaluation_report import changes_in_words, notes, remarks
from multitask.after.evaluating.screen_tables import show_evaluation
from multitask.after.labelled_table import named_samples
from multitask.after.loading import load
from multitask.cli.options import read_options
from multitask.errors import naming
from multitask.runs.log_file import LOG, say
from multitask.runs.result_folder import result_folder

SAMPLES = ("split", "group", "image_column", "image_folder")
OPTIONS: dict[str, Any] = {
    **dict.fromkeys((*SAMPLES, "against", "folder", "device")),
    "trust": False,
}


def evaluate_command(arguments: Sequence[str]) -> None:
    """Evaluate a checkpoint; print the results and write them to a folder.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument, a checkpoint or the table is invalid.
    """
    what = "a checkpoint, and a table of labelled images unless those of its run are meant"
    given = read_options("evaluate", what, arguments, range(1, 3), **OPTIONS)
    checkpoint, table = (*given.subjects, None)[:2]
    named = (table, *(getattr(given, name) for name in SAMPLES))
    trained = load(checkpoint, given.trust, given.device, unadapted=False)
    samples = named_samples(trained, *named)
    results, changes = evaluate(trained, samples), []
    if given.against is not None:
        other = load(given.against, given.trust, given.device, unadapted=False)
        others = named_samples(other, *named)
        check_same(samples, others)
        changes = compare(results, evaluate(other, others))
    folder = result_folder(given.folder, Path(trained.source), "evaluate", "evaluations")
    with naming(folder):
        page = write_evaluation(results, folder, changes, given.against or "")
    _report(results, changes)
    say(f"Evaluation: {page}")


def _report(results: Results, changes: Sequence[Change]) -> None:
    LOG.info("\n" + show_evaluation(results, changes))
    for each in [*notes(results), *remarks(results)]:
        say(each)
    if changes:
        say(changes_in_words(results, changes))
