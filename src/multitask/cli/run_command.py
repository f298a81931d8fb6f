"""``multitask fit``, ``validate``, ``test`` and ``predict``: a run, from its command line on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from multitask.callbacks import Cost, LostProcess, StopSignal
from multitask.checkpoints.atomic_writing import AtomicCheckpointIO
from multitask.cli.arguments import prepare
from multitask.cli.command_line import CommandLine, listed
from multitask.cli.stages import STAGES, Run
from multitask.configuration.trust import tensors_only
from multitask.distributed import is_first_process
from multitask.errors import InputError
from multitask.runs.failures import advice
from multitask.runs.folder import make_folder, new_folder
from multitask.runs.log_file import keep_log, say
from multitask.runs.loggers import added_loggers, check_loggers, run_loggers, started
from multitask.runs.preflight import check, check_artifacts, check_length, check_monitors
from multitask.runs.record import RunRecord
from multitask.runs.run_callbacks import run_callbacks
from multitask.training.processes import check_processes, set_processes

RUN_FOLDER = "MULTITASK_RUN_FOLDER"
"""Environment variable by which the first process tells those it starts the run's folder."""


def run_command(arguments: Sequence[str], resumed: Path | None = None) -> None:
    """Build a run in order, and carry it out.

    Args:
        arguments: the command line, without the program's name.
        resumed: the folder of the run that is continued, if one is.

    Raises:
        InputError: if a setting is wrong, or what the settings describe does not fit together.
    """
    command = CommandLine(prepare(arguments))
    verb, given, data = command.verb, command.given, command.datamodule
    loading = nullcontext() if command.configuration.is_trusted else tensors_only()
    with command.configuration.located_errors(), loading:
        _check(command)
        record = RunRecord(_folder(command, resumed), command.text)
        cost, lost_process = Cost(), LostProcess(lambda: advice(record.folder), say)
        training = [cost, lost_process, StopSignal()]
        own = run_callbacks(verb, given, data, record, training, command.trained_folder)
        added = added_loggers(given.trainer.logger)
        trainer = _trainer(given.trainer, [*command.callbacks, *own])
        lost_process.before_meeting(trainer)
        if not given.trainer.fast_dev_run:
            added = started(added)
            _make_folder(record.folder)
            trainer.loggers = run_loggers(given.run, added, record.folder, verb)
        STAGES[verb](Run(command, record, cost, lost_process, trainer))


def _check(command: CommandLine) -> None:
    # Before there is a folder, so that a run that cannot begin leaves nothing behind.
    model, data, given = command.model, command.datamodule, command.given
    check(command.verb, model, data, given.ckpt_path)
    if command.verb == "fit":
        check_length(given.trainer, data, given.ckpt_path)
        check_artifacts(given.run, given.trainer)
    check_monitors(command.callbacks, model, data)
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
    settings.enable_model_summary = settings.enable_model_summary or False
    try:
        # Loggers come once there is a folder.
        return Trainer(**{**vars(settings), "logger": False})
    except InputError:
        raise
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the Trainer cannot work as set: {reason}") from error
