"""``multitask explain``: what a model looks at, and what its tasks share, as a page."""

from __future__ import annotations

import re
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from multitask.after.explaining.answers import in_words
from multitask.after.explaining.explain import explain
from multitask.after.explaining.explanation import Wanted
from multitask.after.explaining.page import write_explanation
from multitask.after.explaining.score import Choice
from multitask.after.extras import require
from multitask.after.loading import load
from multitask.after.trained_model import TrainedModel
from multitask.cli.options import read_options
from multitask.errors import InputError, naming, nearest
from multitask.pages.yaml_text import to_yaml
from multitask.runs.folder import PROVENANCE, folder_of, make_folder, new_folder
from multitask.runs.log_file import keep_log, say, told_if_slow
from multitask.runs.provenance import provenance
from multitask.study.folder_names import slug
from multitask.study.plan import SINGLE_TASK

SUBJECT = "a checkpoint and images (files, a folder or a table)"
NUMBER = range(2, sys.maxsize)
OPTIONS = ("class", "element", "labels", "training", "against", "study", "folder", "device")


def explain_command(arguments: Sequence[str]) -> None:
    """Look into a model, and write a page about it.

    Args:
        arguments: what follows the verb.

    Raises:
        InputError: if an argument, the checkpoint or the images are not right.
    """
    switches = {"slow": False, "trust": False}
    given = read_options(
        "explain", SUBJECT, arguments, NUMBER, **dict.fromkeys(OPTIONS), **switches
    )
    require("captum", "explain")
    checkpoint, *images = given.subjects
    with told_if_slow("the model and the images are still being looked at"):
        trained = load(checkpoint, given.trust, given.device)
        choice = Choice(
            _by_task(trained, vars(given)["class"], "class"),
            _by_task(trained, given.element, "element"),
        )
        labels = None if given.labels is None else Path(given.labels)
        wanted = Wanted(images, choice, given.slow, labels, given.training, _others(given))
        found = explain(trained, wanted)
    folder = _folder(given.folder, Path(checkpoint))
    make_folder(folder)
    keep_log(folder)
    command = " ".join(["multitask", "explain", *map(shlex.quote, arguments)])
    with naming(folder):
        (folder / PROVENANCE).write_text(to_yaml(provenance()), encoding="utf-8")
        page = write_explanation(found, folder, command)
    for each in in_words(found):
        say(each)
    say(f"Explanation: {page}")


def _by_task(trained: TrainedModel, given: str | None, what: str) -> dict[str, str]:
    """``TASK:NAME,TASK:NAME`` as a dictionary."""
    if given is None:
        return {}
    tasks = trained.model.named_tasks
    found: dict[str, str] = {}
    # A class may have commas in its name.
    for each in re.split(rf",(?=(?:{'|'.join(map(re.escape, tasks))}):)", given):
        task, colon, name = each.partition(":")
        if not colon or not name:
            raise InputError(f"--{what} is '{given}'; write TASK:NAME, as in --{what}=digit:3")
        if task not in tasks:
            raise InputError(f"--{what}: the model has no task '{task}'{nearest(task, tasks)}")
        found[task] = name
    return found


def _others(given: Namespace) -> dict[str, TrainedModel]:
    paths = {each: Path(each) for each in (given.against or "").split(",") if each}
    if given.study is not None:
        paths |= _single_tasks(Path(given.study))
    return {name: load(path, given.trust, given.device) for name, path in paths.items()}


def _single_tasks(study: Path) -> dict[str, Path]:
    """A checkpoint of each task's own network."""
    runs = study / "runs" / slug(SINGLE_TASK)
    found = {
        f"{folder.name} alone": sorted(folder.glob("*/*/checkpoints/best.ckpt"))
        for folder in sorted(runs.glob("*"))
    }
    paths = {name: each[0] for name, each in found.items() if each}
    if not paths:
        raise InputError(
            f"{study} has no finished network of a single task ({runs}); give a study's folder, or "
            "--against=OTHER.ckpt"
        )
    return paths


def _folder(given: str | None, checkpoint: Path) -> Path:
    if given is not None:
        return new_folder(Path(given))
    run = folder_of(checkpoint)
    # The explanation of a run's checkpoint belongs to the run.
    return new_folder(Path("explanations") if run is None else run / "explain")
