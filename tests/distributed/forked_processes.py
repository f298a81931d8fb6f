"""Processes that train together, forked off one that has imported everything."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import connection
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.run
from cli.forked_program import forkserver, set_environment, write_output_to
from conformance.training import largest_difference
from torch import Tensor


def run_together(
    processes: int,
    function: Callable[..., None],
    *arguments: Any,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    seconds: float = 300,
) -> None:
    """Call a function in several processes, which find each other as if torchrun had started them.

    Args:
        processes: their number.
        function: can be imported by its name.
        arguments: of the function.
        folder: where the processes start, and write what they print.
        environment: environment variables, by default those of this process.
        seconds: how long it may take.

    Raises:
        AssertionError: with what was printed, if a process fails or takes too long.
    """
    variables = dict(os.environ if environment is None else environment)
    variables |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": os.environ["MASTER_PORT"]}
    calls = [
        (function, arguments, variables | _place(rank, processes)) for rank in range(processes)
    ]
    _run(calls, folder, seconds)


def run_torchrun(
    *hosts: Sequence[str],
    script: Path,
    argument: Path,
    folder: Path,
    environment: Mapping[str, str],
    enter: Sequence[Callable[[], None]] = (),
    seconds: float = 300,
) -> str:
    """Call torchrun on each host, which forks the processes that it would start anew.

    Args:
        hosts: torchrun's options on each.
        script: what each process runs.
        argument: its argument.
        folder: where the processes start, and write what they print.
        environment: environment variables.
        enter: for each host, what makes a process one of it; by default all are this machine.
        seconds: how long it may take.

    Returns:
        What was printed.

    Raises:
        AssertionError: with what was printed, if a process fails or takes too long.
    """
    forked = ("--run-path", "--start-method=fork", str(script), str(argument))
    calls = [
        (_torchrun, ([*options, *forked], *enter[place : place + 1]), dict(environment))
        for place, options in enumerate(hosts)
    ]
    return _run(calls, folder, seconds)


def assert_two_equal_one(
    learn: Callable[[int], dict[str, dict[str, Tensor]]], folder: Path, difference: float
) -> None:
    """Compare what two processes learn together with what one learns.

    Args:
        learn: what each of some trainings has learned, of the number of processes; can be imported
            by its name.
        folder: an empty one.
        difference: the largest there may be.
    """
    run_together(2, _keep_learned, learn, folder / "two", folder=folder)
    first, second = (torch.load(folder / f"two-{rank}.pt", weights_only=True) for rank in (0, 1))
    for name, expected in learn(1).items():
        assert largest_difference(expected, first[name]) < difference, name
        assert largest_difference(first[name], second[name]) == 0, name


def _keep_learned(learn: Callable[[int], dict[str, dict[str, Tensor]]], path: Path) -> None:
    torch.save(learn(2), f"{path}-{dist.get_rank() if dist.is_initialized() else 0}.pt")


def _place(rank: int, processes: int) -> dict[str, str]:
    count, place = str(processes), str(rank)
    return {
        "WORLD_SIZE": count,
        "LOCAL_WORLD_SIZE": count,
        "GROUP_RANK": "0",
        "RANK": place,
        "LOCAL_RANK": place,
        "TORCHELASTIC_RUN_ID": "0",
    }


def _run(
    calls: Sequence[tuple[Callable[..., None], tuple[Any, ...], dict[str, str]]],
    folder: Path,
    seconds: float,
) -> str:
    said = folder / "said.txt"
    said.touch()
    started = [forkserver().Process(target=_call, args=(*call, folder, said)) for call in calls]
    for each in started:
        each.start()
    try:
        codes = _wait(started, time.monotonic() + seconds)
    finally:
        for each in started:
            each.kill()
            each.join()
    assert codes == [0] * len(calls), said.read_text()[-6000:]
    return said.read_text()


def _wait(started: list[Any], deadline: float) -> list[int | None]:
    """Wait until all have ended, one has failed, or the time is over."""
    waiting = list(started)
    while waiting and all(each.exitcode in (None, 0) for each in started):
        if (left := deadline - time.monotonic()) < 0:
            break
        connection.wait([each.sentinel for each in waiting], left)
        waiting = [each for each in waiting if each.exitcode is None]
    return [each.exitcode for each in started]


def _call(
    function: Callable[..., None],
    arguments: tuple[Any, ...],
    environment: dict[str, str],
    folder: Path,
    said: Path,
) -> None:
    set_environment(environment)
    os.chdir(folder)
    write_output_to(str(said))
    torch.set_num_threads(1)
    function(*arguments)


def _torchrun(arguments: list[str], enter: Callable[[], None] | None = None) -> None:
    if enter is not None:
        enter()
    torch.distributed.run.main(arguments)
