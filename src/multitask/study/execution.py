"""Trains what has been planned: several runs at a time, none of them twice."""

from __future__ import annotations

import fcntl
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from multitask.checkpoints.atomic_writing import write_whole
from multitask.errors import InputError
from multitask.pages.yaml_text import in_one_line, to_yaml
from multitask.runs.folder import LAST
from multitask.runs.log_file import say
from multitask.runs.screen import open_screen
from multitask.runs.summary import SUMMARY, has_ended
from multitask.study.plan import PlannedRun, Study

Program = Callable[[Sequence[str]], None]
OUTPUT, FAILED = "output.txt", "failed"
"""What a run said, and what is there if it failed on its own."""
INTERRUPTED = 130


@dataclass(frozen=True)
class Workplace:
    """Where and how runs are trained.

    Args:
        folder: the study's.
        jobs: runs at a time.
        program: what is called with the arguments of a run; exits as a program does.
        preload: modules that it needs, imported once for all runs.
    """

    folder: Path
    jobs: int
    program: Program
    preload: tuple[str, ...] = ()

    def run_folder(self, run: PlannedRun) -> Path:
        """Where all attempts at a run lie."""
        return self.folder / "runs" / run.place

    def finished(self, run: PlannedRun) -> Path | None:
        """The folder of a run's finished attempt."""
        found = sorted(self.run_folder(run).glob(f"*/{SUMMARY}"))
        return next((path.parent for path in found if has_ended(path.parent)), None)

    def failure(self, run: PlannedRun) -> str | None:
        """Why a run failed: the last line of what it said; None where it did not fail."""
        folder = self.run_folder(run)
        if self.finished(run) or not (folder / FAILED).exists():
            return None
        if reason := (folder / FAILED).read_text(encoding="utf-8"):
            return reason
        text = (folder / OUTPUT).read_text(encoding="utf-8", errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"


def train(study: Study, runs: Sequence[PlannedRun], place: Workplace) -> None:
    """Train those of the runs that are not finished, and that no other process is training.

    A run that was interrupted continues from its last checkpoint; one that failed is tried again.

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
            while waiting and len(active) < place.jobs:
                run = waiting.pop(0)
                process = context.Process(target=_attempt, args=(study, run, place, int(threads)))
                process.start()
                active[process.sentinel] = (process, run, time.perf_counter())
            for sentinel in connection.wait(list(active)):
                ended, run, began = active.pop(sentinel)
                ended.join()
                count = f"{len(todo) - len(waiting) - len(active)}/{len(todo)}"
                _say_ended(run, place, ended.exitcode, count, time.perf_counter() - began)
    finally:
        for each, _, _ in active.values():
            each.terminate()
            each.join()


def command(study: Study, run: PlannedRun, place: Workplace) -> list[str]:
    """The command that trains a run, also by hand; writes the configuration file that it names.

    Raises:
        InputError: if the file cannot be written.
    """
    folder = place.run_folder(run)
    config = folder / "experiment.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A crash of the machine may have left it empty.
        if not config.exists() or not config.stat().st_size:
            write_whole(config, to_yaml(run.config))
    except OSError as error:
        raise InputError(
            f"{config} cannot be written ({error.strerror}); choose another place with --folder="
        ) from error
    settings = {
        **run.settings,
        "seed_everything": run.seed,
        "run.root": str(place.folder / "runs"),
        "run.experiment": run.place,
        "run.group": f"{study.name} / {run.method}",
        "run.job_type": run.kind,
        # W&B takes no tag that is longer.
        "run.tags": [tag[:64] for tag in (study.name, run.method, run.part) if tag],
        "run.test_after_fit": run.tests,
        "run.figures": False,
        "run.wandb": study.wandb,
        "trainer.enable_progress_bar": False,
    }
    given = [f"--{name}={_written(value)}" for name, value in settings.items()]
    return ["fit", f"--config={config}", *given]


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


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    return in_one_line(value)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shard_of(runs: Sequence[PlannedRun], shard: str) -> list[PlannedRun]:
    """A share of the runs, for one of several machines.

    Args:
        runs: all of them.
        shard: such as ``2/5``, the second of five.

    Raises:
        InputError: if there is no such share.
    """
    number, _, count = shard.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise InputError(f"shard is {shard}; give the number and count of shares, such as 2/5")
    return list(runs)[int(number) - 1 :: int(count)]
