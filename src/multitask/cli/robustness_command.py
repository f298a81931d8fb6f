"""``multitask robustness``: metrics of a trained model under attack and on corrupted images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from multitask.after.labelled_table import named_samples
from multitask.after.loading import load
from multitask.after.robustness.measurement import Robustness, measure
from multitask.after.robustness.page import write_robustness
from multitask.after.robustness.plan import Plan
from multitask.after.robustness.sanity import warnings_of
from multitask.after.robustness.screen_table import show_robustness
from multitask.after.robustness.words import of_corruptions
from multitask.cli.options import read_options, whole_number
from multitask.errors import InputError, naming
from multitask.runs.log_file import LOG, say
from multitask.runs.result_folder import result_folder

NONE = "none"
OPTIONS: dict[str, Any] = {
    "eps": "0.01,0.02,0.05",
    "l2": "0.5",
    "steps": "20",
    "restarts": "5",
    "samples": "1000",
    "corruptions": "true",
    **dict.fromkeys(("table", "split", "image_column", "image_folder", "folder", "device")),
    "trust": False,
}


def robustness_command(arguments: Sequence[str]) -> None:
    """Attack a checkpoint's model, on the screen and in a folder of its own.

    Args:
        arguments: what follows the verb.

    Raises:
        InputError: if an argument, a checkpoint or the table is not right.
    """
    given = read_options("robustness", "one run or checkpoint", arguments, **OPTIONS)
    plan = Plan(
        eps=_numbers("eps", given.eps),
        l2=_numbers("l2", given.l2),
        steps=whole_number("steps", given.steps),
        restarts=whole_number("restarts", given.restarts),
        samples=None
        if given.samples == "all"
        else whole_number("samples", given.samples, ", or all"),
        corruptions=_is_true("corruptions", given.corruptions),
    )
    trained = load(given.subject, given.trust, given.device)
    named = (given.split, None, given.image_column, given.image_folder)
    samples = named_samples(trained, given.table, *named)
    found = measure(trained, samples, plan)
    folder = result_folder(given.folder, Path(trained.source), "robustness", "robustness")
    with naming(folder):
        page = write_robustness(found, folder)
    _report(found)
    say(f"Robustness: {page}")


def _numbers(name: str, text: str) -> list[float]:
    if text == NONE:
        return []
    try:
        return [float(each) for each in text.split(",")]
    except ValueError as error:
        raise InputError(
            f"--{name}={text}: give numbers, as in --{name}={OPTIONS[name]}, or {NONE}"
        ) from error


def _is_true(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise InputError(f"--{name}={text}: write true or false")
    return text == "true"


def _report(found: Robustness) -> None:
    LOG.info("\n" + show_robustness(found))
    if found.corrupted:
        say(f"Corrupted: {of_corruptions(found)}")
    for each in warnings_of(found):
        say(f"Warning: {each}.")
