"""Connection of the processes of a training, with messages for those that wait."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any, NoReturn

from lightning.pytorch import Trainer
from lightning.pytorch.plugins.environments import LightningEnvironment

from multitask.errors import InputError
from multitask.processes.variables import lacks_srun

PATIENCE = 8.0
"""Seconds after which a process reports what it is waiting for."""
LIMIT, LIMIT_WITHOUT_SRUN = 600.0, 60.0
"""Seconds after which it exits; in a large cluster, processes may start minutes apart."""
NEVER_MET = 2
"""Exit code if the others never connected, the same as for any invalid setting."""


def limit_meeting(trainer: Trainer, tell: Callable[[str], None]) -> None:
    """Make this process report what it waits for while it connects, and give up in the end.

    Args:
        trainer: the new Trainer, whose processes connect when it starts.
        tell: called with a sentence.

    Raises:
        InputError: if all processes are on this machine, but ``MASTER_ADDR`` is elsewhere.
    """
    if trainer.world_size < 2:
        return
    environment = getattr(trainer.strategy, "cluster_environment", None)
    if isinstance(environment, LightningEnvironment) and trainer.num_nodes == 1:
        _check_own_address(environment.main_address)
    usual = trainer.strategy.setup_environment

    def setup_environment() -> None:
        with _watched(trainer, tell):
            usual()

    trainer.strategy.setup_environment = setup_environment  # type: ignore[method-assign]


def _check_own_address(address: str) -> None:
    with suppress(OSError):
        for family, kind, _, _, place in socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM):
            with suppress(OSError), socket.socket(family, kind) as end:
                end.bind(place)
                return
    raise InputError(
        f"MASTER_ADDR is '{address}', which is not an address of this machine, on which all "
        "processes are to meet; unset MASTER_ADDR, or set trainer.num_nodes"
    )


@contextmanager
def _watched(trainer: Trainer, tell: Callable[[str], None]) -> Any:
    is_over = Event()
    # While a library call waits, Ctrl-C would take effect only afterwards.
    usual = signal.signal(signal.SIGINT, signal.SIG_DFL)
    Thread(target=_watch, args=(trainer, tell, is_over), daemon=True).start()
    try:
        yield
    finally:
        is_over.set()
        signal.signal(signal.SIGINT, usual)


def _watch(trainer: Trainer, tell: Callable[[str], None], is_over: Event) -> None:
    if is_over.wait(PATIENCE):
        return
    is_alone = lacks_srun()
    limit = LIMIT_WITHOUT_SRUN if is_alone else LIMIT
    who, advice = (
        f"process {trainer.global_rank} of {trainer.world_size}",
        _advice(trainer, is_alone),
    )
    tell(f"{who} is waiting for the others, for at most {limit:.0f} s; Ctrl-C ends it; {advice}")
    if not is_over.wait(limit - PATIENCE):
        tell(f"{who} has not met the others in {limit:.0f} s; {advice}")
        _give_up(trainer)


def _advice(trainer: Trainer, is_alone: bool) -> str:
    if is_alone:
        return (
            f"SLURM_NTASKS is {os.environ['SLURM_NTASKS']}, but it seems that srun has not started "
            "this process: put srun before the command, or unset SLURM_NTASKS to train without it"
        )
    environment: Any = getattr(trainer.strategy, "cluster_environment", None)
    place = f"{environment.main_address}:{environment.main_port}" if environment else "process 0"
    return (
        f"they meet at {place}, which is MASTER_ADDR and MASTER_PORT; start all of them, and "
        "check that each machine can reach that one"
    )


def _give_up(trainer: Trainer) -> NoReturn:
    for child in getattr(trainer.strategy.launcher, "procs", None) or []:
        child.kill()
    os._exit(NEVER_MET)
