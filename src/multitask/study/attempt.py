"""One attempt at a run, in a process of its own that holds a lock on the run."""

from __future__ import annotations

import fcntl
import gc
import os
import shlex
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection, parent_process
from pathlib import Path

from multitask.checkpoints.named_checkpoint import LAST
from multitask.runs.screen import open_screen
from multitask.study.workplace import FAILED, OUTPUT, Program


def attempt(arguments: Sequence[str], folder: Path, program: Program, threads: int) -> None:
    """Train a run in this process, resuming from its last checkpoint if it was interrupted.

    The process ends together with its parent process.

    Args:
        arguments: arguments of the program.
        folder: folder of all attempts at the run; the output is written there.
        program: called with the arguments.
        threads: number of PyTorch threads.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # What has been imported lives until the process ends; the collector would scan it again and
    # again, and thus copy the memory that all runs share.
    gc.freeze()
    (folder / FAILED).unlink(missing_ok=True)
    _write_output_to(folder / OUTPUT)
    print(shlex.join(["multitask", *arguments]), flush=True)
    _limit_threads(threads)
    if (interrupted := _interrupted(folder)) is not None:
        # The run uses the configuration that the parent process has written there.
        arguments = ["resume", str(interrupted), "--trust"]
    # The command with which Lightning starts further processes.
    sys.argv = [str(Path(__file__).parents[1] / "__main__.py"), *arguments]
    program(arguments)


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Lock a run, so that no other process trains it; the system unlocks it when this one ends.

    Args:
        folder: folder of all attempts at the run.

    Yields:
        Whether no other process has locked it.
    """
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def is_free(folder: Path) -> bool:
    """Whether no process is training a run.

    Args:
        folder: folder of all attempts at the run.
    """
    if not (folder / "lock").exists():
        return True
    with alone(folder) as is_alone:
        return is_alone


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _interrupted(folder: Path) -> Path | None:
    found = sorted(folder.glob(f"*/{LAST}"))
    return found[-1].parents[1] if found else None


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        # No process waits for it now, but a restarted process would.
        os._exit(1)


def _write_output_to(path: Path) -> None:
    with path.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    open_screen()


def _limit_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
