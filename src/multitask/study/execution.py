"""Trains what has been planned: several runs at a time, none of them twice."""

from __future__ import annotations

import fcntl
import os
import shlex
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from multitask.checkpoints.atomic_writing import write_whole
from multitask.runs.folder import LAST
from multitask.runs.log_file import say
from multitask.runs.screen import open_screen
from multitask.study.plan import PlannedRun, Study
from multitask.study.workplace import FAILED, OUTPUT, Workplace, command

INTERRUPTED = 130
PAUSE = 1.0
"""Seconds between two looks at what another process is training."""


def train(study: Study, runs: Sequence[PlannedRun], place: Workplace) -> None:
    """Train those of the runs that are not finished, and that no other process is training.

    A run that was interrupted continues from its last checkpoint; one that failed is tried again.
    A run that starts from another waits for it, also where another process is training that; it is
    left out if that one fails.

    Args:
        study: the study.
        runs: what to train.
        place: where and how.
    """
    todo = [run for run in runs if place.finished(run) is None]
    if len(todo) < len(runs):
        say(f"{len(runs) - len(todo)} of {len(runs)} runs are finished already")
    # Forked from a process that has imported everything, a run starts at once.
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, *place.preload])
    threads = os.environ.setdefault("OMP_NUM_THREADS", str(max(1, _cores() // place.jobs)))
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
    """Take the first run that can start."""
    run = next((each for each in waiting if place.obstacle(each) is None), None)
    if run is not None:
        waiting.remove(run)
    return run


def _wait_for_others(waiting: Sequence[PlannedRun], place: Workplace) -> bool:
    """Wait a moment if another process is training what a run starts from; else return False."""
    for run in waiting:
        before = run.after
        while before is not None:
            if not _is_free(place.run_folder(before)):
                time.sleep(PAUSE)
                return True
            before = before.after
    return False


def _attempt(study: Study, run: PlannedRun, place: Workplace, threads: int) -> None:
    folder = place.run_folder(run)
    arguments = command(study, run, place)
    with _alone(folder) as is_alone:
        # Another process may have finished it since it was planned.
        if not is_alone or place.finished(run) is not None:
            return
        threading.Thread(target=_end_with_parent, daemon=True).start()
        (folder / FAILED).unlink(missing_ok=True)
        _write_output_to(folder / OUTPUT)
        print(shlex.join(["multitask", *arguments]), flush=True)
        _limit_threads(threads)
        if (interrupted := _interrupted(folder)) is not None:
            # Its configuration is what this study has written there.
            arguments = ["resume", str(interrupted), "--trust"]
        # What Lightning starts further processes with.
        program = Path(__file__).parents[1] / "__main__.py"
        sys.argv = [str(program), *arguments]
        place.program(arguments)


def _interrupted(folder: Path) -> Path | None:
    found = sorted(folder.glob(f"*/{LAST}"))
    return found[-1].parents[1] if found else None


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    # The system lets go of the lock however the process ends.
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _is_free(folder: Path) -> bool:
    if not (folder / "lock").exists():
        return True
    with _alone(folder) as is_alone:
        return is_alone


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        # Nobody waits any more, and a study that is started again would.
        os._exit(1)


def _write_output_to(path: Path) -> None:
    with path.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    open_screen()


def _limit_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


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
        # A process that the system ends, for want of memory for example, says nothing itself.
        reason = f"ended by signal {-code}" if code is not None and code < 0 else ""
        write_whole(place.run_folder(run) / FAILED, reason)
        say(f"{count} {run.title}: failed ({place.failure(run)})")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
