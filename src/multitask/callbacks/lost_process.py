"""A process of several that is gone: the others say so and end, instead of waiting for it."""

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
"""Seconds between two looks, and that a process has to end by itself before it is killed."""


class LostProcess(Callback):
    """Watches the processes that Lightning has started on this machine, and the one that did.

    A process that waits for one that is gone may wait for minutes, or for ever. Where torchrun or
    SLURM has started the processes, they watch them themselves.

    Args:
        advice: what to do next, told once a process is gone.
        tell: what is called with a sentence.
    """

    def __init__(self, advice: Callable[[], str], tell: Callable[[str], None]) -> None:
        self.advice, self.tell = advice, tell
        self.is_noticed = threading.Event()
        self._is_over = threading.Event()
        if is_first_process():
            os.environ[FIRST] = str(os.getpid())

    def before_meeting(self, trainer: Trainer) -> None:
        """Watch the first process while this one, which it has started, waits to meet it.

        Args:
            trainer: just made.

        Raises:
            InputError: if they cannot meet, see `limit_meeting`.
        """
        limit_meeting(trainer, self.tell)
        if _is_child(trainer):
            self._start(_first_ended, [], grace=0)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Begin to watch."""
        children = getattr(trainer.strategy.launcher, "procs", None) or []
        if children:
            _relieve_lightning()
            self._start(lambda: _ended(children), children)
        elif _is_child(trainer):
            self._start(_first_ended, [])

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Watch no more."""
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
                # Not before it is told, since who waits for this ends the program.
                self.is_noticed.set()
                time.sleep(grace)
                for child in children:
                    child.kill()
                os._exit(1)


def is_connection_lost(error: BaseException) -> bool:
    """Whether an error says that another process does not answer any more."""
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
    # Its own observer kills this process after a few seconds, without a word on the screen.
    for thread in threading.enumerate():
        if thread.name == "child-process-observer" and hasattr(thread, "_child_processes"):
            thread._child_processes = []
