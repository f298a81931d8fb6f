"""``multitask calibrate``: reliable probabilities and intervals."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from multitask.after.calibrating.calibrated_file import NAME, write_calibrated
from multitask.after.calibrating.calibration import calibrate
from multitask.after.calibrating.calibration_report import write_report
from multitask.after.calibrating.samples import samples_to_calibrate, share
from multitask.after.calibrating.words import sentences
from multitask.after.loading import load
from multitask.after.new_output import refuse_existing
from multitask.checkpoints.named_checkpoint import named_checkpoint
from multitask.cli.options import read_options
from multitask.errors import InputError, naming, nearest
from multitask.runs.log_file import say
from multitask.runs.result_folder import result_folder

TABLES = ("table", "test_table", "image_column", "image_folder")
OPTIONS: dict[str, Any] = {
    **dict.fromkeys((*TABLES, "tasks", "output", "folder", "device")),
    "level": "0.9",
    "trust": False,
}


def calibrate_command(arguments: Sequence[str]) -> None:
    """Calibrate a run's model; print the results and write a checkpoint and a folder.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument, the checkpoint or the samples are invalid.
    """
    given = read_options("calibrate", "one run or checkpoint", arguments, **OPTIONS)
    level, checkpoint = share(given.level), named_checkpoint(Path(given.subject))
    place = Path(given.output) if given.output else checkpoint.parent / NAME
    refuse_existing(place)
    trained = load(checkpoint, given.trust, given.device, unadapted=False)
    tasks = _tasks(given, list(trained.model.named_tasks))
    samples = samples_to_calibrate(trained, *(getattr(given, name) for name in TABLES))
    found = calibrate(trained, *samples, level, tasks)
    write_calibrated(trained, checkpoint, {n: e.told for n, e in found.tasks.items()}, place)
    folder = result_folder(given.folder, checkpoint, "calibrate", "calibrations")
    with naming(folder):
        page = write_report(found, folder, place)
    for each in sentences(found):
        say(each)
    say(f"Calibrated: {place}")
    say(f"Report: {page}")


def _tasks(given: Namespace, known: list[str]) -> list[str]:
    names = given.tasks.split(",") if given.tasks else []
    for name in names:
        if name not in known:
            raise InputError(
                f"--tasks={given.tasks}: the model has no task {name!r}{nearest(name, known)}"
            )
    return names
