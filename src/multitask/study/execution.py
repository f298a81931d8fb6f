"""Training of planned runs: several at a time, none of them twice."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess
from typing import Any

from multitask.checkpoints.atomic_writing import write_whole
from multitask.runs.log_file import say
from multitask.study.attempt import alone, attempt, cores, is_free
from multitask.study.plan import PlannedRun, Study
from multitask.study.workplace import FAILED, Workplace, command

INTERRUPTED = 130
PAUSE = 1.0
"""Seconds between two checks of what another process is training."""


def train(study: Study, runs: Sequence[PlannedRun], place: Workplace) -> None:
    """Train the runs that are unfinished and that no other process is training.

    An interrupted run resumes from its last checkpoint; a failed run is tried again. A run that
    starts from another waits for it, even if another process is training that run. It is skipped if
    that run fails.

    Args:
        study: the study.
        runs: the runs to train.
        place: where and how to train them.
    """
    todo = [run for run in runs if place.finished(run) is None]
    if len(todo) < len(runs):
        say(f"{len(runs) - len(todo)} of {len(runs)} runs have already finished")
    # A run starts immediately, because it is forked from a process with all imports done.
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, *place.preload])
    threads = os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // place.jobs)))
    active: dict[Any, tuple[BaseProcess, PlannedRun, float]] = {}
    waiting = list(todo)
    try:
        while waiting or active:
            while len(active) < place.jobs and (run := _next(waiting, place)) is not None:
                process = context.Process(target=_attempt, args=(study, run, place, int(threads)))
                process.start()
                active[process.sentinel] = (process, run, time.perf_counter())
            if not active and not _wait_for_others(waiting, place):
                break
            for sentinel in connection.wait(list(active)) if active else ():
                ended, run, began = active.pop(sentinel)
                ended.join()
                count = f"{len(todo) - len(waiting) - len(active)}/{len(todo)}"
                _say_ended(run, place, ended.exitcode, count, time.perf_counter() - began)
    finally:
        for each, _, _ in active.values():
            each.terminate()
            each.join()
    for run in waiting:
        say(f"{run.title}: not run, because {place.obstacle(run)}")


def _next(waiting: list[PlannedRun], place: Workplace) -> PlannedRun | None:
    """Remove and return the first run that can start."""
    run = next((each for each in waiting if place.obstacle(each) is None), None)
    if run is not None:
        waiting.remove(run)
    return run


def _wait_for_others(waiting: Sequence[PlannedRun], place: Workplace) -> bool:
    """Wait a moment if another process is training a required run; otherwise return False."""
    for run in waiting:
        before = run.after
        while before is not None:
            if not is_free(place.run_folder(before)):
                time.sleep(PAUSE)
                return True
            before = before.after
    return False


def _attempt(study: Study, run: PlannedRun, place: Workplace, threads: int) -> None:
    arguments = command(study, run, place)
    with alone(place.run_folder(run)) as is_alone:
        # Another process may have finished it since planning.
        if is_alone and place.finished(run) is None:
            attempt(arguments, place.run_folder(run), place.program, threads)


def _say_ended(
    run: PlannedRun, place: Workplace, code: int | None, count: str, seconds: float
) -> None:
    if place.finished(run):
        say(f"{count} {run.title}: {seconds:.0f} s")
    elif code == 0:
        say(f"{count} {run.title}: another process is training it")
    elif code == INTERRUPTED:
        say(f"{count} {run.title}: interrupted")
    else:
        # A process that the system kills, for example for lack of memory, leaves no message.
        reason = f"ended by signal {-code}" if code is not None and code < 0 else ""
        write_whole(place.run_folder(run) / FAILED, reason)
        say(f"{count} {run.title}: failed ({place.failure(run)})")
