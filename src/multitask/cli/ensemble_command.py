"""``multitask ensemble``: several runs combined into one model, and its test."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from multitask.after.device import usable_device
from multitask.after.predicting.shared_work import SharedWork
from multitask.checkpoints.named_checkpoint import ENSEMBLE
from multitask.cli.options import read_options
from multitask.data import DataModule
from multitask.ensembles.earlier_results import without_earlier_results
from multitask.ensembles.making import folder_for, test, write_files
from multitask.ensembles.members import calibrated, read_members
from multitask.ensembles.test_data import check_trust, common_test_data
from multitask.errors import InputError
from multitask.pages.words import counted
from multitask.runs.folder import new_folder
from multitask.runs.log_file import keep_log, say, told_if_slow
from multitask.runs.report import report

SUBJECT = "two or more runs, their folders or checkpoints"


def ensemble_command(arguments: Sequence[str]) -> None:
    """Pool runs, and test the result.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument is invalid, or the runs cannot be pooled.
    """
    options = {"folder": None, "device": None, "trust": False}
    given = read_options("ensemble", SUBJECT, arguments, range(1, sys.maxsize), **options)
    usable_device(given.device)
    if SharedWork().size > 1:
        raise InputError("ensemble works in one process; start it without torchrun")
    runs, left_out = without_earlier_results(given.subjects)
    with told_if_slow("the runs are still being read"):
        members = read_members(runs, given.trust)
        checkpoints = [Path(each.source) for each in members]
        if not given.trust:
            check_trust(checkpoints)
        data = _test_data(checkpoints, given.trust)
    folder = folder_for(checkpoints[0])
    folder = new_folder(Path(given.folder)) if given.folder else folder
    model = write_files(members, folder)
    keep_log(folder)
    for each in left_out:
        say(each)
    for each in calibrated(members):
        say(f"The calibration of {each} was skipped: an ensemble is calibrated as a whole")
    say(f"Ensemble of {counted(len(members), 'run')}: {folder / ENSEMBLE}")
    if isinstance(data, DataModule):
        found = test(model, data, folder, given.device)
        report(model, "test", found.values, folder, None)
        for each in found.remarks:
            say(each)
    else:
        say(f"Not tested: {data}")


def _test_data(checkpoints: Sequence[Path], trust: bool) -> DataModule | str:
    """The test data, or the reason why there are none."""
    try:
        return common_test_data(checkpoints, trust)
    except InputError as error:
        return str(error)
