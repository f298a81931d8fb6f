"""``multitask robustness``: metrics of a trained model under attack and on corrupted images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from multitask.after.evaluating.evaluation_report import number
from multitask.after.labelled_samples import own_samples
from multitask.after.labelled_table import labelled_table
from multitask.after.loading import load
from multitask.after.robustness.measurement import Robustness, measure
from multitask.after.robustness.page import write_robustness
from multitask.after.robustness.plan import Plan
from multitask.after.robustness.sanity import size_in_words, warnings_of
from multitask.after.robustness.words import of_corruptions
from multitask.cli.options import read_options
from multitask.errors import InputError, naming
from multitask.pages.shown import shown
from multitask.pages.yaml_text import to_yaml
from multitask.runs.folder import CONFIG, PROVENANCE, folder_of, make_folder, new_folder, parts
from multitask.runs.log_file import LOG, keep_log, say
from multitask.runs.provenance import provenance

NONE = "none"
BEST = "checkpoints/best.ckpt"
OPTIONS: dict[str, Any] = {
    "eps": "0.01,0.02,0.05",
    "l2": "0.5",
    "steps": "20",
    "restarts": "5",
    "samples": "1000",
    "corruptions": "true",
    "table": None,
    "split": None,
    "image_column": None,
    "image_folder": None,
    "folder": None,
    "device": None,
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
        steps=_whole("steps", given.steps),
        restarts=_whole("restarts", given.restarts),
        samples=None if given.samples == "all" else _whole("samples", given.samples),
        corruptions=_is_true("corruptions", given.corruptions),
    )
    if given.table is not None and given.split is not None:
        raise InputError("split is about the run's own data; leave it out, or the table")
    checkpoint = _checkpoint(Path(given.subject))
    trained = load(checkpoint, given.trust, given.device)
    if given.table is None:
        samples = own_samples(trained, given.split or "test", None)
    else:
        images = None if given.image_folder is None else Path(given.image_folder)
        samples = labelled_table(trained, Path(given.table), None, given.image_column, images)
    found = measure(trained, samples, plan)
    folder = _folder(given.folder, checkpoint)
    make_folder(folder)
    keep_log(folder)
    with naming(folder):
        (folder / PROVENANCE).write_text(to_yaml(provenance()), encoding="utf-8")
        page = write_robustness(found, folder)
    _report(found)
    say(f"Robustness: {page}")


def _checkpoint(given: Path) -> Path:
    if not given.is_dir() or not parts(given, CONFIG):
        return given
    if not (given / BEST).is_file():
        raise InputError(f"{given} has no {BEST}; name another checkpoint of the run")
    return given / BEST


def _folder(given: str | None, checkpoint: Path) -> Path:
    if given is not None:
        return new_folder(Path(given))
    run = folder_of(checkpoint)
    # What is found about a run's checkpoint belongs to the run.
    return new_folder(Path("robustness") if run is None else run / "robustness")


def _numbers(name: str, text: str) -> list[float]:
    if text == NONE:
        return []
    try:
        return [float(each) for each in text.split(",")]
    except ValueError as error:
        raise InputError(
            f"--{name}={text}: give numbers, as in --{name}={OPTIONS[name]}, or {NONE}"
        ) from error


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        also = ", or all" if name == "samples" else ""
        raise InputError(f"--{name}={text}: give a whole number, 1 or more{also}")
    return int(text)


def _is_true(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise InputError(f"--{name}={text}: write true or false")
    return text == "true"


def _report(found: Robustness) -> None:
    title = f"{found.clean.results.samples.title}, attacks on all tasks"
    table = Table(title=escape(shown(title)), title_justify="left")
    several = [("none", found.clean), *((size_in_words(e), e) for e in found.attacked)]
    for column in ("task", "metric"):
        table.add_column(column)
    for name, _ in several:
        table.add_column(name, justify="right")
    for task in found.tasks:
        arrow = "↑" if found.higher_is_better(task) else "↓"
        values = [number(found.estimate(each, task).value) for _, each in several]
        table.add_row(task, escape(f"{found.headline(task)} {arrow}"), *values)
    console = Console(record=True)
    console.print(table)
    LOG.info("\n" + console.export_text())
    if found.corrupted:
        say(f"Corrupted: {of_corruptions(found)}")
    for each in warnings_of(found):
        say(f"Warning: {each}.")
