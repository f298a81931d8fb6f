"""``multitask explain``: a page on what a model attends to, and what its tasks share."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from multitask.after.explaining.answers import in_words
from multitask.after.explaining.explain import explain
from multitask.after.explaining.explanation import Wanted
from multitask.after.explaining.page import write_explanation
from multitask.after.explaining.score import Choice, by_task
from multitask.after.loading import load
from multitask.after.trained_model import TrainedModel
from multitask.cli.options import read_options
from multitask.errors import naming
from multitask.runs.log_file import say, told_if_slow
from multitask.runs.result_folder import result_folder
from multitask.study.single_task_networks import single_task_networks

SUBJECT = "a checkpoint and images (files, a folder) or a table, or --text=..."
OPTIONS = ("text", "class", "element", "labels", "training", "against", "study", "folder", "device")


def explain_command(arguments: Sequence[str]) -> None:
    """Analyse a model, and write a page about it.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument, the checkpoint or the images are invalid.
    """
    switches = {"slow": False, "trust": False}
    least = 1 if any(each.startswith("--text") for each in arguments) else 2
    number = range(least, 2 if least == 1 else sys.maxsize)
    given = read_options(
        "explain", SUBJECT, arguments, number, **dict.fromkeys(OPTIONS), **switches
    )
    checkpoint, *images = given.subjects
    with told_if_slow("the model and the images are still being looked at"):
        trained = load(checkpoint, given.trust, given.device, unadapted=False)
        tasks = list(trained.model.named_tasks)
        choice = Choice(
            by_task(vars(given)["class"], "class", tasks),
            by_task(given.element, "element", tasks),
        )
        labels = None if given.labels is None else Path(given.labels)
        others = _others(given)
        wanted = Wanted(images, choice, given.slow, labels, given.training, others, given.text)
        found = explain(trained, wanted)
    folder = result_folder(given.folder, Path(trained.source), "explain", "explanations")
    command = " ".join(["multitask", "explain", *map(shlex.quote, arguments)])
    with naming(folder):
        page = write_explanation(found, folder, command)
    for each in in_words(found):
        say(each)
    say(f"Explanation: {page}")


def _others(given: Namespace) -> dict[str, TrainedModel]:
    paths = {each: Path(each) for each in (given.against or "").split(",") if each}
    if given.study is not None:
        paths |= single_task_networks(Path(given.study))
    return {name: load(path, given.trust, given.device) for name, path in paths.items()}
