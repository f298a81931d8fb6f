"""The stages of a run after it has been built, and its final messages."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException

from multitask.callbacks import Cost, LostProcess
from multitask.callbacks.lost_process import is_connection_lost
from multitask.cli.command_line import CommandLine
from multitask.distributed import is_first_process
from multitask.runs.failures import advice
from multitask.runs.finished import limits
from multitask.runs.log_file import say
from multitask.runs.provenance import LOCAL_SWEEP
from multitask.runs.record import RunRecord
from multitask.runs.report import describe, describe_predicted, report, say_where, show_kept
from multitask.runs.result import result_of
from multitask.runs.summary import write_summary
from multitask.runs.wandb_run import finish, mark_preempted, sync_command

INTERRUPTED, TERMINATED = 130, 143
"""Exit codes of a program stopped by Ctrl-C, and of one stopped by SIGTERM."""
NOTICE = 3.0
"""Seconds within which watching processes notice that a process has ended."""


@dataclass(frozen=True)
class Run:
    """A run after it has been built: its settings, and the objects that execute it."""

    command: CommandLine
    record: RunRecord
    cost: Cost
    lost_process: LostProcess
    trainer: Trainer

    @property
    def folder(self) -> Path:
        """The run's folder; that of the first process."""
        return self.record.folder

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs of each of the Trainer's verbs."""
        given = self.command.given
        objects = {"model": self.command.model, "datamodule": self.command.datamodule}
        return {**objects, "ckpt_path": given.ckpt_path, "weights_only": given.weights_only}


def fit(run: Run) -> None:
    """Train, then test the best checkpoint, or the last one if there is no validation set."""
    given = run.command.given
    rank_zero_only(say)(describe(run.command.model, run.command.datamodule))
    _guard(run, run.trainer.fit, run.inputs)
    if not given.run.test_after_fit or given.trainer.fast_dev_run:
        _say_where(run)
        return
    result, said = result_of(run.trainer.checkpoint_callbacks, run.command.datamodule)
    if result is not None:
        tested = {"ckpt_path": result, "weights_only": True, "verbose": False}
        _guard(run, run.trainer.test, {**run.inputs, **tested})
        _report(run, "test", said)
    else:
        _say_where(run, said=said)


def validate(run: Run) -> None:
    """Validate a checkpoint."""
    _guard(run, run.trainer.validate, {**run.inputs, "verbose": False})
    _report(run, "val")


def test(run: Run) -> None:
    """Test a checkpoint."""
    _guard(run, run.trainer.test, {**run.inputs, "verbose": False})
    _report(run, "test")


def predict(run: Run) -> None:
    """Write a table of predictions."""
    _guard(run, run.trainer.predict, {**run.inputs, "return_predictions": False})
    batches, checkpoint = run.trainer.num_predict_batches, run.command.given.ckpt_path
    _say_where(run, said=describe_predicted(run.command.datamodule, batches, checkpoint))


STAGES = {"fit": fit, "validate": validate, "test": test, "predict": predict}


def _guard(run: Run, stage: Callable[..., Any], inputs: dict[str, Any]) -> None:
    try:
        stage(**inputs)
    except SystemExit as stopped:
        # Lightning raises this after Ctrl-C and SIGTERM.
        if not run.trainer.interrupted:
            raise
        _end_early(run, isinstance(stopped, SIGTERMException))
    except Exception as error:
        if is_connection_lost(error) and run.lost_process.is_noticed.wait(NOTICE):
            # It has been reported already.
            raise SystemExit(1) from error
        raise


def _end_early(run: Run, by_signal: bool) -> None:
    rank_zero_only(say)(f"Interrupted; {advice(run.folder)}")
    # A sweep's agent stops a poor trial, and gives up after a few failures.
    is_trial = by_signal and not os.environ.keys().isdisjoint(("WANDB_SWEEP_ID", LOCAL_SWEEP))
    code = 0 if is_trial else TERMINATED if by_signal else INTERRUPTED
    if by_signal and not is_trial:
        rank_zero_only(mark_preempted)()
    _say_where(run, code)
    # The first process treats any other code as a failure, and ends all other processes.
    raise SystemExit(code if is_first_process() else 0)


@rank_zero_only
def _report(run: Run, split: str, said: Sequence[str] = ()) -> None:
    _summarise(run)
    for each in said:
        say(each)
    values = run.trainer.callback_metrics
    report(run.command.model, split, values, run.folder, sync_command(run.folder))
    finish(run.folder)


@rank_zero_only
def _say_where(run: Run, code: int = 0, said: Sequence[str] = ()) -> None:
    for each in said:
        say(each)
    if run.command.given.trainer.fast_dev_run:
        return
    if not run.trainer.interrupted:
        _summarise(run)
        show_kept(run.command.model, "val", run.trainer.callback_metrics)
    say_where(run.folder, sync_command(run.folder))
    finish(run.folder, code)


def _summarise(run: Run) -> None:
    if run.command.verb == "fit":
        values, wanted = run.trainer.callback_metrics, limits(run.command.given.trainer)
        write_summary(run.folder, run.command.model, values, run.cost.values(), wanted)
