"""``multitask robustness``: metrics of a trained model under attack and on corrupted images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from multitask.after.labelled_table import named_samples
from multitask.after.loading import load
from multitask.after.robustness.measurement import Robustness, measure
from multitask.after.robustness.page import write_robustness
from multitask.after.robustness.plan import OF_PLAN, read_plan
from multitask.after.robustness.sanity import warnings_of
from multitask.after.robustness.screen_table import show_robustness
from multitask.after.robustness.words import of_corruptions
from multitask.cli.options import read_options
from multitask.errors import naming
from multitask.runs.log_file import LOG, say
from multitask.runs.result_folder import result_folder

OPTIONS: dict[str, Any] = {
    **OF_PLAN,
    **dict.fromkeys(("table", "split", "image_column", "image_folder", "folder", "device")),
    "trust": False,
}


def robustness_command(arguments: Sequence[str]) -> None:
    """Attack a checkpoint's model; print the results and write them to a folder.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument, a checkpoint or the table is invalid.
    """
    given = read_options("robustness", "one run or checkpoint", arguments, **OPTIONS)
    plan = read_plan(**{name: getattr(given, name) for name in OF_PLAN})
    trained = load(given.subject, given.trust, given.device, unadapted=False)
    named = (given.split, None, given.image_column, given.image_folder)
    samples = named_samples(trained, given.table, *named)
    found = measure(trained, samples, plan)
    folder = result_folder(given.folder, Path(trained.source), "robustness", "robustness")
    with naming(folder):
        page = write_robustness(found, folder)
    _report(found)
    say(f"Robustness: {page}")


def _report(found: Robustness) -> None:
    LOG.info("\n" + show_robustness(found))
    if found.corrupted:
        say(f"Corrupted: {of_corruptions(found)}")
    for each in warnings_of(found):
        say(f"Warning: {each}.")
