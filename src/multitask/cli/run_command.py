"""``multitask fit``, ``validate``, ``test`` and ``predict``: a run, from its command line on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from multitask.callbacks import (
    BestCheckpoint,
    Cost,
    Figures,
    GradientTelemetry,
    LastCheckpoint,
    LostProcess,
    PredictionTable,
    ProgressBar,
    RandomState,
    SourceEvaluation,
    StopSignal,
)
from multitask.checkpoints.atomic_writing import AtomicCheckpointIO
from multitask.cli.arguments import prepare
from multitask.cli.command_line import CommandLine, listed
from multitask.cli.failures import advice
from multitask.cli.preflight import check, check_artifacts, check_length, check_monitors
from multitask.cli.stages import STAGES, Run
from multitask.distributed import is_first_process
from multitask.errors import InputError
from multitask.runs.checkpoint_artifacts import CheckpointArtifacts
from multitask.runs.data_record import DataRecord
from multitask.runs.folder import folder_of, make_folder, new_folder
from multitask.runs.log_file import keep_log, quiet_screen, say
from multitask.runs.metrics_file import MetricsFile
from multitask.runs.record import RunRecord
from multitask.runs.tracking import wandb_logger, wandb_mode
from multitask.training.processes import check_processes, set_processes

RUN_FOLDER = "MULTITASK_RUN_FOLDER"
"""Environment variable by which the first process tells those it starts the run's folder."""


def run_command(arguments: Sequence[str], resumed: Path | None = None) -> None:
    """Build a run in order, and carry it out.

    Args:
        arguments: the command line, without the program's name.
        resumed: the folder of the run that is continued, if one is.

    Raises:
        InputError: if a setting is wrong, or what it describes does not fit together.
    """
    quiet_screen()
    command = CommandLine(prepare(arguments))  # with the data and the model
    with command.configuration.located_errors():
        _check(command)
        record = RunRecord(_folder(command, resumed), command.text)
        cost, lost_process = Cost(), LostProcess(lambda: advice(record.folder), say)
        own = _callbacks(command, record, [cost, lost_process, StopSignal()])
        has_loggers = command.given.trainer.logger is not None or command.given.trainer.fast_dev_run
        trainer = _trainer(command.given.trainer, [*command.callbacks, *own])
        lost_process.before_meeting(trainer)
        _make_folder(command, record.folder)
        if not has_loggers:
            trainer.loggers = _loggers(command, record.folder)
        STAGES[command.verb](Run(command, record, cost, lost_process, trainer))


def _check(command: CommandLine) -> None:
    """Refuse what cannot work before a folder is made: a run that never began leaves nothing."""
    model, data, given = command.model, command.datamodule, command.given
    check(command.verb, model, data, given.ckpt_path)
    if command.verb == "fit":
        check_length(given.trainer, data, given.ckpt_path)
        check_artifacts(given.run, given.trainer)
    check_monitors(command.callbacks, model, data)
    check_processes(given.trainer)
    set_processes(given.trainer)
    wandb_mode(given.run)


def _folder(command: CommandLine, resumed: Path | None) -> Path:
    if not is_first_process() and RUN_FOLDER in os.environ:
        return Path(os.environ[RUN_FOLDER])
    if resumed is not None:
        return resumed
    if (owner := _trained_folder(command)) is not None:
        # The test of a run's checkpoint belongs to the run.
        return new_folder(owner / command.verb)
    return new_folder(Path(command.given.run.root) / command.given.run.experiment)


def _trained_folder(command: CommandLine) -> Path | None:
    checkpoint = command.given.ckpt_path
    return folder_of(Path(checkpoint)) if checkpoint and command.verb != "fit" else None


def _callbacks(
    command: CommandLine, record: RunRecord, training: Sequence[Callback]
) -> list[Callback]:
    """What the program does along the way of a verb, before and beside the person's callbacks."""
    given, folder = command.given, record.folder
    bar: list[Callback] = [] if given.trainer.enable_progress_bar is False else [ProgressBar()]
    if given.trainer.fast_dev_run:
        return bar
    # Before the record: a run that the data forbid to continue writes nothing.
    callbacks = [*bar, DataRecord(folder, _trained_folder(command)), record]
    if command.verb == "predict":
        return [*callbacks, PredictionTable(folder / "predictions.csv")]
    if sources := list(command.datamodule.source_rows("val")):
        callbacks.append(SourceEvaluation(sources))
    drawings = folder / "figures" if given.run.figures else None
    callbacks.append(GradientTelemetry(drawings and drawings / "gradients.png"))
    if drawings:
        callbacks.append(Figures(drawings))
    return (
        [*callbacks, *training, *_checkpointing(command, folder)]
        if command.verb == "fit"
        else callbacks
    )


def _checkpointing(command: CommandLine, folder: Path) -> list[Callback]:
    if command.given.trainer.enable_checkpointing is False:
        return []
    checkpoints, run = folder / "checkpoints", command.given.run
    last = LastCheckpoint(checkpoints, run.keep_last)
    sent = [CheckpointArtifacts(folder)] if run.artifacts else []
    return [RandomState(), BestCheckpoint(checkpoints), last, *sent]


def _trainer(settings: Any, callbacks: list[Callback]) -> Trainer:
    settings.callbacks = callbacks
    settings.plugins = [*listed(settings.plugins), AtomicCheckpointIO()]
    for name in ("logger", "enable_model_summary"):
        if settings[name] is None:
            settings[name] = False
    try:
        return Trainer(**settings)
    except InputError:
        raise
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the Trainer cannot work as set: {reason}") from error


def _make_folder(command: CommandLine, folder: Path) -> None:
    if is_first_process() and not command.given.trainer.fast_dev_run:
        make_folder(folder)
        keep_log(folder)
        os.environ[RUN_FOLDER] = str(folder)


def _loggers(command: CommandLine, folder: Path) -> list[Logger]:
    loggers: list[Logger] = [MetricsFile(folder / "metrics.csv")]
    settings = command.given.run
    if command.verb != "predict" and (wandb := wandb_logger(settings, folder, command.verb)):
        loggers.append(wandb)
    return loggers
