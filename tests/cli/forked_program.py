"""The program in a process that need not import everything anew, which takes seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import multitask
from multitask.cli.main import main

FILE = Path(multitask.__file__).with_name("__main__.py")
"""What Lightning starts further processes with."""


class ForkedProgram:
    """A program that runs, as far as `subprocess.Popen` shows it.

    Args:
        arguments: of the command line.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload([__name__, "multitask.cli.run_command"])
        self._folder = TemporaryDirectory()
        # It ends once the last process that writes into it has ended.
        pipe = f"{self._folder.name}/output"
        os.mkfifo(pipe)
        self._output = ""
        self._reader = Thread(target=self._read, args=(pipe,), daemon=True)
        self._reader.start()
        place = (list(arguments), os.getcwd(), dict(os.environ), pipe)
        self._process = context.Process(target=_run, args=place)
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


def _run(arguments: list[str], folder: str, environment: dict[str, str], pipe: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    output = os.open(pipe, os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    # A shell's background job ignores Ctrl-C, and hands that on to what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [str(FILE), *arguments]
    main(arguments)
