"""Detection of a lost process: the others report it and exit instead of waiting."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.plugins.environments import LightningEnvironment

from multitask.distributed import is_first_process
from multitask.processes.meeting import limit_meeting
from multitask.processes.variables import FIRST

PERIOD, GRACE = 0.5, 20.0
"""Seconds between two checks, and seconds that a process has to exit before it is killed."""


class LostProcess(Callback):
    """Watch the processes that Lightning started on this machine, and the one that started them.

    A process that waits for a lost one may wait for minutes, or forever. torchrun and SLURM watch
    the processes that they start themselves.

    Args:
        advice: what to do next, reported once a process is lost.
        tell: called with a sentence.
    """

    def __init__(self, advice: Callable[[], str], tell: Callable[[str], None]) -> None:
        self.advice, self.tell = advice, tell
        self.is_noticed = threading.Event()
        self._is_over = threading.Event()
        if is_first_process():
            os.environ[FIRST] = str(os.getpid())

    def before_meeting(self, trainer: Trainer) -> None:
        """Watch the first process while this one, which it started, waits to connect to it.

        Args:
            trainer: the new Trainer.

        Raises:
            InputError: if they cannot connect, see `limit_meeting`.
        """
        limit_meeting(trainer, self.tell)
        if _is_child(trainer):
            self._start(_first_ended, [], grace=0)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Start watching."""
        children = getattr(trainer.strategy.launcher, "procs", None) or []
        if children:
            _relieve_lightning()
            self._start(lambda: _ended(children), children)
        elif _is_child(trainer):
            self._start(_first_ended, [])

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Stop watching."""
        self._is_over.set()

    def _start(
        self,
        look: Callable[[], str | None],
        children: Sequence[subprocess.Popen],
        grace: float = GRACE,
    ) -> None:
        self._is_over.set()
        self._is_over = threading.Event()
        arguments = look, children, grace, self._is_over
        threading.Thread(target=self._watch, args=arguments, daemon=True).start()

    def _watch(
        self,
        look: Callable[[], str | None],
        children: Sequence[subprocess.Popen],
        grace: float,
        is_over: threading.Event,
    ) -> None:
        while not is_over.wait(PERIOD):
            if (found := look()) is not None:
                self.tell(f"{found}, so all processes end; {self.advice()}")
                # Not before the report, since the process that waits for this one ends the program.
                self.is_noticed.set()
                time.sleep(grace)
                for child in children:
                    child.kill()
                os._exit(1)


def is_connection_lost(error: BaseException) -> bool:
    """Whether an error means that another process no longer answers."""
    lost = r"Connection (closed|reset|refused)|Broken pipe|Socket closed|NCCL|gloo"
    return isinstance(error, RuntimeError) and bool(re.search(lost, str(error), re.IGNORECASE))


def _is_child(trainer: Trainer) -> bool:
    environment = getattr(trainer.strategy, "cluster_environment", None)
    return isinstance(environment, LightningEnvironment) and trainer.local_rank > 0


def _first_ended() -> str | None:
    return None if os.getppid() == int(os.environ[FIRST]) else "process 0 has ended"


def _ended(children: Sequence[subprocess.Popen]) -> str | None:
    for place, child in enumerate(children):
        code = child.poll()
        if code:
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else "has failed"
            return f"process {place + 1} of {len(children) + 1} {how}"
    return None


def _relieve_lightning() -> None:
    # PyTorch's own watchdog kills this process after a few seconds, without a message on screen.
    for thread in threading.enumerate():
        if thread.name == "child-process-observer" and hasattr(thread, "_child_processes"):
            thread._child_processes = []
