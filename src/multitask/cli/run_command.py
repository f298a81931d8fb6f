"""``multitask fit``, ``validate``, ``test`` and ``predict``: a run from its command line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer

from multitask.callbacks import Cost, FirstStep, LostProcess, StopSignal
from multitask.checkpoints.atomic_writing import AtomicCheckpointIO
from multitask.cli.arguments import prepare
from multitask.cli.command_line import CommandLine, listed
from multitask.cli.stages import STAGES, Run
from multitask.distributed import is_first_process
from multitask.errors import InputError, settings_blamed
from multitask.runs.failures import advice, explaining
from multitask.runs.finished import is_finished
from multitask.runs.folder import make_folder, new_folder
from multitask.runs.lightning_callbacks import has_summary
from multitask.runs.log_file import keep_log, say, told_if_slow
from multitask.runs.loggers import added_loggers, check_loggers, run_loggers, started
from multitask.runs.owner import owned
from multitask.runs.preflight import (
    check,
    check_artifacts,
    check_evaluations,
    check_length,
    check_training,
    prepare_kept,
)
from multitask.runs.record import RunRecord
from multitask.runs.run_callbacks import run_callbacks
from multitask.training.processes import check_processes, set_processes

RUN_FOLDER = "MULTITASK_RUN_FOLDER"
"""Environment variable that passes the run's folder from the first process to those it starts."""


def run_command(arguments: Sequence[str], resumed: Path | None = None) -> None:
    """Build a run step by step, and execute it.

    Args:
        arguments: the command line, without the program's name.
        resumed: the folder of the run to resume, if any.

    Raises:
        InputError: if a setting is invalid, or the described objects are incompatible.
    """
    with told_if_slow("the data and the model are still being built"):
        command = CommandLine(prepare(arguments))
        with command.loading():
            _check(command, is_resumed=resumed is not None)
    verb, given, data = command.verb, command.given, command.datamodule
    if resumed is not None and is_finished(resumed, given):
        return
    with command.loading():
        record = RunRecord(_folder(command, resumed), command.text)
        cost, lost_process = Cost(), LostProcess(lambda: advice(record.folder), say)
        training = [cost, lost_process, StopSignal(), FirstStep()]
        own = run_callbacks(
            verb, given, command.model, data, record, training, command.trained_folder
        )
        is_tried_out = bool(given.trainer.fast_dev_run)
        theirs = command.callbacks
        trainer = _trainer(given.trainer, [*theirs, *own])
        if verb == "fit":
            check_training(theirs, command.model, data, trainer)
        added = [] if is_tried_out else started(added_loggers(given.trainer.logger))
        lost_process.before_meeting(trainer)
        is_owner = verb == "fit" and not is_tried_out
        with explaining(record, data.batch_size, trainer), owned(record.folder, is_owner):
            if not is_tried_out:
                _make_folder(record.folder)
                trainer.loggers = run_loggers(given.run, added, record.folder, verb)
            STAGES[verb](Run(command, record, cost, lost_process, trainer))


def _check(command: CommandLine, is_resumed: bool) -> None:
    # Before the folder is created, so that a run that cannot start leaves nothing behind.
    model, data, given = command.model, command.datamodule, command.given
    is_fit = command.verb == "fit"
    if is_fit and given.run.weights and given.ckpt_path and not is_resumed:
        what = "give one of them; run.weights starts a new training, ckpt_path continues one"
        raise InputError(f"run.weights and ckpt_path are both given; {what}")
    prepare_kept(command.callbacks, model, data, is_fit)
    begins = is_fit and not given.ckpt_path
    check(command.verb, model, data, given.ckpt_path, given.run.weights if begins else None)
    check_evaluations(command.callbacks, model, data)
    if is_fit:
        check_length(given.trainer, data, given.ckpt_path)
        check_artifacts(given.run, given.trainer)
    check_processes(given.trainer)
    set_processes(given.trainer)
    check_loggers(given.trainer, given.run, command.verb)


def _folder(command: CommandLine, resumed: Path | None) -> Path:
    if not is_first_process() and RUN_FOLDER in os.environ:
        return Path(os.environ[RUN_FOLDER])
    if resumed is not None:
        return resumed
    if command.trained_folder is not None:
        # The test of a run's checkpoint belongs to the run.
        return new_folder(command.trained_folder / command.verb)
    return new_folder(Path(command.given.run.root) / command.given.run.experiment)


def _make_folder(folder: Path) -> None:
    if is_first_process():
        make_folder(folder)
        keep_log(folder)
        os.environ[RUN_FOLDER] = str(folder)


def _trainer(settings: Any, callbacks: list[Callback]) -> Trainer:
    settings.callbacks = callbacks
    settings.plugins = [*listed(settings.plugins), AtomicCheckpointIO()]
    if settings.enable_model_summary is None:
        settings.enable_model_summary = has_summary(callbacks)
    with settings_blamed("the Trainer cannot work as configured"):
        # Loggers are added once there is a folder.
        return Trainer(**{**vars(settings), "logger": False})
