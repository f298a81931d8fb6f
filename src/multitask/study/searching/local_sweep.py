"""A local sweep from its first trial to its report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from multitask.errors import InputError
from multitask.pages.spreadsheet import write_csv
from multitask.pages.words import counted
from multitask.runs.log_file import say
from multitask.study.attempt import cores
from multitask.study.numbers import number
from multitask.study.searching.search import REASON, RUNS, Claim, Search
from multitask.study.searching.trial_run import (
    Training,
    TrainingProcess,
    curve,
    is_finished,
    last_words,
    newest_run,
    trial_arguments,
    unknown_metric,
    written,
)
from multitask.study.sweep import find_trials, labels, read_sweep
from multitask.study.sweep_report import write_sweep_report
from multitask.study.workplace import Program

PAUSE = 0.2
"""Seconds between two checks of the running trials."""
MOST_FAILURES = 3
"""A sweep ends if this many trials fail before one succeeds."""
TABLE = "search.csv"
SIGNALS = (130, 143, -15)
"""Exit codes of an interrupted run."""
Start = Callable[[list[str], Claim], Training]


@dataclass
class _Active:
    claim: Claim
    training: Training
    began: float
    is_stopped: bool = False


def process_starter(search: Search, program: Program, processes: int, preload: list[str]) -> Start:
    """Start trainings in separate processes.

    Args:
        search: the search that the trials belong to.
        program: called with the arguments of a trial.
        processes: number of trials at a time.
        preload: modules to import once for all trials.
    """
    # A trial starts immediately, because it is forked from a process with all imports done.
    get_context("forkserver").set_forkserver_preload([__name__, *preload])
    threads = os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // processes)))

    def start(arguments: list[str], claim: Claim) -> Training:
        return TrainingProcess(arguments, claim, program, search.sweep.name, int(threads))

    return start


def carry_out(search: Search, processes: int, start: Start) -> None:
    """Train the remaining trials of a sweep, and write its report.

    An interrupted trial resumes from its last checkpoint. A failed trial is reported and does not
    stop the others, unless the first three fail.

    Args:
        search: the search of the sweep.
        processes: number of trials at a time.
        start: starts the training of a trial.

    Raises:
        InputError: if no trial has succeeded.
    """
    active: list[_Active] = []
    succeeded = failed = 0
    try:
        while True:
            is_vain = failed >= MOST_FAILURES and not succeeded
            while len(active) < processes and not is_vain:
                if (claim := search.claim()) is None:
                    break
                training = start(trial_arguments(search, claim), claim)
                active.append(_Active(claim, training, time.perf_counter()))
            if not active:
                break
            for each in list(active):
                if (code := each.training.ended()) is not None:
                    active.remove(each)
                    is_failed = _finish(search, each, code)
                    succeeded, failed = succeeded + (not is_failed), failed + is_failed
                else:
                    _follow(search, each)
            time.sleep(PAUSE)
    finally:
        for each in active:
            each.training.stop()
        for each in active:
            while each.training.ended() is None:
                time.sleep(PAUSE)
            each.claim.lock.close()
    _report(search)


def _follow(search: Search, active: _Active) -> None:
    if search.sweep.early_stop is None or active.is_stopped:
        return
    values = curve(active.claim.folder, search.sweep.metric.name)
    if search.is_hopeless(active.claim, values):
        active.is_stopped = True
        active.training.stop()


def _finish(search: Search, active: _Active, code: int) -> bool:
    """Record the outcome of a trial, and report it.

    Returns:
        Whether it failed.
    """
    claim, metric = active.claim, search.sweep.metric
    values = curve(claim.folder, metric.name)
    title = f"Trial {claim.number + 1}/{search.sweep.cap}, {_settings(claim.values)}"
    seconds = f"{time.perf_counter() - active.began:.0f} s"
    if is_finished(claim.folder) and values:
        search.finish(claim, metric.best(values))
        say(f"{title}: {metric.name} {number(metric.best(values))}, {seconds}")
        return False
    if active.is_stopped:
        search.stop(claim)
        after = counted(len(values), "validation")
        say(f"{title}: stopped after {after} at {number(values[-1])}, {seconds}")
        return False
    if code in SIGNALS:
        # It resumes when the sweep is started again.
        claim.lock.close()
        say(f"{title}: interrupted")
        return False
    is_blind = is_finished(claim.folder)
    killed = f"ended by signal {-code}" if code < 0 else last_words(claim.folder)
    reason = unknown_metric(claim.folder, metric.name) if is_blind else killed
    search.fail(claim, reason)
    say(f"{title}: failed ({reason})")
    return True


def _report(search: Search) -> None:
    states = search.optuna.trial.TrialState
    trials, folder, metric = search.trials, search.folder, search.sweep.metric
    write_csv(_table(search, trials), folder / TABLE)
    complete = [each for each in trials if each.state == states.COMPLETE]
    failed = [each for each in trials if each.state == states.FAIL]
    if not complete:
        reason = f"; the last failed: {failed[-1].user_attrs.get(REASON, '')}" if failed else ""
        raise InputError(f"no trial of {search.sweep.name} has finished yet{reason}")
    best = search.study.best_trial
    run = newest_run(folder / RUNS / f"{best.number:04d}")
    drawn = {name: each.drawn(best, name) for name, each in search.sweep.parameters.items()}
    if failed:
        say(f"{len(failed)} of {counted(len(trials), 'trial')} failed")
    say(f"Best: trial {best.number + 1}, {metric.name} {number(best.value)}, {run}")
    say(" ".join(f"--{name}={written(value)}" for name, value in drawn.items()))
    found = []
    for each in sorted((folder / RUNS).iterdir()):
        # A trial with rejected settings has no run.
        if (run := newest_run(each)) is not None:
            with suppress(InputError):
                found += find_trials(run, search.sweep.name)
    if found:
        page = write_sweep_report(read_sweep(found, search.sweep.name), folder)
        say(f"Report: {page}")
    say(f"Table: {folder / TABLE}")


def _table(search: Search, trials: list[Any]) -> pd.DataFrame:
    rows = []
    for each in trials:
        known = search.sweep.parameters.items()
        drawn = {name: written(of.drawn(each, name)) for name, of in known if name in each.params}
        row = {
            "trial": each.number + 1,
            "state": each.state.name.lower(),
            search.sweep.metric.name: each.value,
            "reason": each.user_attrs.get(REASON, ""),
            "folder": str(newest_run(search.folder / RUNS / f"{each.number:04d}") or ""),
        }
        rows.append({**row, **drawn})
    return pd.DataFrame(rows)


def _settings(values: dict[str, Any]) -> str:
    names = labels(list(values))
    return ", ".join(f"{names[name]}={_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    return number(value) if isinstance(value, float) else Path(written(value)).stem[:40]
