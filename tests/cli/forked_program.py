"""The program in a process that need not import everything anew, which takes seconds."""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache, wraps
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from types import SimpleNamespace
from typing import Any

from cli import fork_server
from lightning.fabric.utilities import registry
from lightning.fabric.utilities.rank_zero import _get_rank
from lightning.pytorch.strategies.launchers import subprocess_script
from lightning.pytorch.utilities import rank_zero_only
from matplotlib.figure import Figure
from sklearn import datasets

import multitask
from multitask.cli.program import program

FILE = Path(multitask.__file__).with_name("__main__.py")
"""What Lightning starts further processes with."""
# For plugins Lightning reads what all installed packages say of themselves, whenever a Trainer is
# made, which takes a fifth of the time of a short training.
registry.entry_points = cache(registry.entry_points)
# It reads a text of numbers, which takes as long as a short training's steps on them.
datasets.load_digits = cache(datasets.load_digits)

COARSE = 40
"""Dots per inch of the pictures of tests, which are drawn in half of the time."""
SAVE = Figure.savefig


@wraps(SAVE)
def coarsely(figure: Figure, path: Any, dpi: float = 100, **options: Any) -> None:
    """Save a figure with few pixels, and without a layout that measures all texts."""
    figure.set_layout_engine("none")
    SAVE(figure, path, dpi=min(dpi, COARSE), **options)


Figure.savefig = coarsely  # type: ignore[method-assign]


def forkserver() -> ForkServerContext:
    """Starts processes that have imported what a training needs."""
    fork_server.start()
    return get_context("forkserver")


class ForkedProgram:
    """A program that runs, as far as `subprocess.Popen` shows it.

    Args:
        arguments: of the command line.
        has_spare: whether the second process of a training is a `Spare`.
        folder: where it starts, by default where this process is.
        environment: its environment variables, by default those of this process.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        has_spare: bool = False,
        folder: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = TemporaryDirectory()
        # It ends once the last process that writes into it has ended.
        pipe = f"{self._folder.name}/output"
        os.mkfifo(pipe)
        self._output = ""
        self._reader = Thread(target=self._read, args=(pipe,), daemon=True)
        self._reader.start()
        variables = dict(os.environ if environment is None else environment)
        place = (folder or os.getcwd(), variables, pipe)
        self._process = forkserver().Process(target=_run, args=(list(arguments), *place, has_spare))
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative after a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """See `returncode`."""
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Wait for the end of it, and of those that it has started; returns what they printed."""
        self._reader.join(timeout)
        self._process.join(timeout)
        if self._reader.is_alive() or self._process.is_alive():
            self._process.kill()
            raise subprocess.TimeoutExpired("multitask", timeout or 0, self._output)
        self._folder.cleanup()
        return self._output, None

    def _read(self, pipe: str) -> None:
        with open(pipe, encoding="utf-8", errors="replace") as file:
            for line in file:
                self._output += line


class Spare(subprocess.Popen[bytes]):
    """A process that waits to be the second of a training, in which it has imported everything.

    Lightning would start one that imports everything anew.
    """

    def __init__(self) -> None:
        self._ends = os.pipe()
        super().__init__(sys.argv)

    def _execute_child(self, *_: Any) -> None:
        self._child_created = True
        if (pid := os.fork()) > 0:
            self.pid = pid
            os.close(self._ends[0])
            return
        os.close(self._ends[1])
        with open(self._ends[0], encoding="utf-8") as pipe:
            told = pipe.read()
        if not told:
            # The first has ended without a second.
            os._exit(0)
        set_environment(json.loads(told))
        program()

    def begin(self, command: Sequence[str], env: Mapping[str, str], cwd: str | None) -> Spare:
        """Be the process that Lightning starts with these settings."""
        assert command[1:] == sys.argv
        assert cwd is None
        with open(self._ends[1], "w", encoding="utf-8") as pipe:
            json.dump(dict(env), pipe)
        return self


def set_environment(variables: Mapping[str, str]) -> None:
    """Replace this process's environment variables, as if nothing had been imported yet.

    What has been imported is no longer looked at for garbage, as in a program that begins.
    """
    gc.freeze()
    fork_server.look_for_garbage_less_often()
    os.environ.clear()
    os.environ.update(variables)
    # Read once, by this process's parent.
    tempfile.tempdir = None
    # Lightning reads it when it is imported.
    rank_zero_only.rank = _get_rank() or 0


def write_output_to(path: str) -> None:
    """Write to a file or a pipe what this process prints."""
    output = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _run(
    arguments: list[str], folder: str, environment: dict[str, str], pipe: str, has_spare: bool
) -> None:
    set_environment(environment)
    os.chdir(folder)
    write_output_to(pipe)
    # A shell's background job ignores Ctrl-C, and hands that on to what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [str(FILE), *arguments]
    if has_spare:
        subprocess_script.subprocess = SimpleNamespace(Popen=Spare().begin)  # type: ignore[assignment]
    # What the program forks comes off the same server; one of its own would import everything anew.
    fork_server.SERVER.ensure_running = lambda: None
    # What the process that this one was forked off has registered is that one's own to end.
    atexit._clear()
    program()
