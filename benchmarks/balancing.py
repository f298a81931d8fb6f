"""Measure the cost of balancing methods: step time and peak memory, as ratios to the plain sum.

    python benchmarks/balancing.py [--libmtl FOLDER] [--quick]

compares with the plain sum at level ``representation``, and with LibMTL's own step at level
``shared`` if FOLDER contains a copy of LibMTL's repository. Each ratio is printed with its required
maximum.

    python benchmarks/balancing.py --methods plain UPGrad UPGrad/shared/10 [--tasks 3] [--quick]

measures any methods, with their peak memory and their solvers. A method is named
``method[/level[/every]]``: ``UPGrad`` (at the representation), ``UPGrad/shared/10``,
``UPGrad/last`` (the last block's parameters), ``torchjd.UPGrad`` (torchjd's version, not ours) and
``mtl_backward/UPGrad[/chunk]`` (torchjd's way of training, at most 5 tasks).

A step is what ``fit`` does with a batch: forward, losses, balancer, backward, the balancer's hook
after backward, AdamW, and the balancer's hook after the step. All methods train the same network in
one process, each right after or before a plain step, in random order. The ratio of such a pair
cancels the other load on the machine. Prints the median of the ratios and a 95 % confidence
interval of the median (the whole range below 6 rounds); ``plain`` against itself is the noise. A
method that works every n steps counts as one such step and n - 1 others.

Peak memory is the maximum memory of one step beyond what is always allocated (parameters, optimizer
state, batch): activations, gradients, Jacobians. On a CPU it is resident memory, in a separate
process that returns freed memory at once (Linux only). On a GPU it is the memory that torch
allocates.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import re
import statistics
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from balancing_libmtl import libmtl_step
from balancing_memory import memory_process, step_memory
from balancing_steps import CASES, Share, Training, exists, method_of, shares
from balancing_timing import Pair, median_interval, step_ratios
from torch import Tensor

from multitask.balancing.method import weights_of
from multitask.training.freed_memory import keep_freed_memory

MOST_EXTERNAL_TASKS = 5
"""torchjd's ``mtl_backward`` is left out above."""
METHODS = ["PCGrad", "MGDA", "UPGrad", "IMTLG", "AlignedMTL", "CAGrad", "Nash"]
SOLVERS = [*METHODS, *(f"torchjd.{name}" for name in [*METHODS[:-1], "NashMTL"])]
REPRESENTATION = ["plain", "PCGrad", "UPGrad", "Nash"]
REPRESENTATION_TASKS = {"convnet": [2, 3, 5], "resnet18": [2, 3, 5, 10]}
SHARED = ["PCGrad", "UPGrad"]
SHARED_TASKS = [2, 3, 5]


class Table:
    """A table with a row per method and a column per number of tasks.

    Args:
        rows: the methods.
    """

    def __init__(self, rows: Sequence[str]) -> None:
        self.columns = [["", *rows]]

    def add(self, title: str, cells: dict[str, str]) -> None:
        """Add a column, with a dash for missing methods."""
        self.columns.append([title, *(cells.get(row, "-") for row in self.columns[0][1:])])

    def show(self, title: str) -> None:
        """Print the table."""
        widths = [max(map(len, column)) for column in self.columns]
        print(f"\n{title}")
        for row in zip(*self.columns, strict=True):
            first, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join([first, *others]).rstrip(), flush=True)


def show_required(options: argparse.Namespace) -> None:
    """Print the tables of the required ratios for each network."""
    for name in options.encoders:
        if name in REPRESENTATION_TASKS:
            _show_representation(name, options)
            _show_shared(name, options)


def _show_representation(name: str, options: argparse.Namespace) -> None:
    table = Table([*REPRESENTATION, "required"])
    for tasks in options.tasks or REPRESENTATION_TASKS[name]:
        training = Training(CASES[name], tasks, options.device, options.precision)
        pairs = beside_plain(REPRESENTATION, training, name)
        reference, ratios = step_ratios(pairs, options.rounds, training.device)
        cells = {method: _cell(each) for method, each in ratios.items()}
        table.add(f"T={tasks} ({1000 * reference:.0f} ms)", cells | {"required": "at most 1.05"})
    table.show(f"{CASES[name].title}: level representation, time of a step / plain")


def _show_shared(name: str, options: argparse.Namespace) -> None:
    rows = [f"{method}/shared / plain" for method in SHARED]
    if options.libmtl:
        rows += [row for each in SHARED for row in (f"{each}/shared / LibMTL's", "required")]
    table = Table(list(dict.fromkeys(rows)))
    for tasks in options.tasks or SHARED_TASKS:
        training = Training(CASES[name], tasks, options.device, options.precision)
        pairs = {
            f"{row} / plain": pair
            for row, pair in beside_plain(
                [f"{each}/shared" for each in SHARED], training, name
            ).items()
        }
        if options.libmtl:
            pairs |= {
                f"{each}/shared / LibMTL's": _beside_libmtl(each, training, name, options)
                for each in SHARED
            }
        _, ratios = step_ratios(pairs, math.ceil(options.rounds / 2), training.device)
        cells = {row: _cell(each) for row, each in ratios.items()}
        table.add(f"T={tasks}", cells | {"required": "at most 1.00 of LibMTL's"})
    table.show(f"{CASES[name].title}: level shared in every step, ratios of a step's time")


def beside_plain(methods: Sequence[str], training: Training, name: str) -> dict[str, Pair]:
    """Pair the steps of methods with plain ones of the same network, named as in `CASES`."""
    plain = shares("plain", training, CASES[name])
    return {each: Pair(shares(each, training, CASES[name]), plain) for each in methods}


def _beside_libmtl(method: str, training: Training, name: str, options: argparse.Namespace) -> Pair:
    # A separate copy of the network in the same state, as LibMTL keeps the gradients of a step.
    own = Training(CASES[name], len(training.names), options.device, options.precision)
    theirs = [Share(1, libmtl_step(options.libmtl, method, own))]
    return Pair(shares(f"{method}/shared", training, CASES[name]), theirs)


def _cell(ratios: Sequence[float]) -> str:
    median, low, high = median_interval(ratios)
    return f"{median:.2f} [{low:.2f}, {high:.2f}]"


def show_methods(name: str, options: argparse.Namespace, pool: ProcessPoolExecutor) -> None:
    """Measure chosen methods on one network with every number of tasks, and print its tables."""
    times, memory = Table(options.methods), Table(options.methods)
    for tasks in options.tasks or CASES[name].tasks:
        methods = chosen(options.methods, tasks, options.precision)
        training = Training(CASES[name], tasks, options.device, options.precision)
        pairs = beside_plain(methods, training, name)
        plain, ratios = step_ratios(pairs, options.rounds, training.device)
        cells = {method: _cell(each) for method, each in ratios.items()}
        times.add(f"T={tasks} ({1000 * plain:.0f} ms)", cells)
        where = options.device, options.precision, torch.get_num_threads()
        measured = ["plain", *(each for each in methods if each != "plain")]
        peaks = pool.submit(step_memory, name, tasks, measured, *where).result()
        base = peaks.get("plain", math.nan)
        cells = {each: f"{peak / base:.2f}" for each, peak in peaks.items()}
        memory.add(f"T={tasks} ({base / 2**20:.0f} MiB)", cells)
    times.show(f"{CASES[name].title}: time of a step / plain")
    memory.show(f"{CASES[name].title}: peak memory of a step / plain")


def chosen(names: Sequence[str], tasks: int, precision: str) -> list[str]:
    """The methods that are measured with this number of tasks in this precision."""
    if tasks > MOST_EXTERNAL_TASKS:
        return [name for name in names if not name.startswith("mtl_backward")]
    # Without a chunk, mtl_backward vectorises the backward pass, which fails with autocast.
    vectorised = re.compile("mtl_backward/[^/]+")
    return [name for name in names if precision == "32-true" or not vectorised.fullmatch(name)]


def show_solvers(tasks: Sequence[int], rounds: int) -> None:
    """Print the time of each method from a Gramian to weights."""
    # A name without torchjd also means theirs if we have no such method.
    kinds = {type(method_of(name, 2)): name for name in SOLVERS if exists(name)}
    names = list(kinds.values())
    table = Table(names)
    for count in tasks:
        gradients = torch.randn(rounds + 1, count, 2 * count, dtype=torch.float64)
        gramians = gradients @ gradients.mT / (2 * count)
        table.add(f"T={count}", {name: _solver_time(name, gramians) for name in names})
    table.show(
        f"One solve of a random float64 Gramian on the CPU, median of {rounds}, microseconds"
    )


def _solver_time(name: str, gramians: Tensor) -> str:
    method, times = method_of(name, gramians.shape[1]), []
    for gramian in gramians:
        began = time.perf_counter()
        weights_of(method, gramian)
        times.append(time.perf_counter() - began)
    return f"{1e6 * statistics.median(times[1:]):.0f}"


def _options() -> argparse.Namespace:
    summary, *_ = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--libmtl", type=Path, help="folder of a copy of LibMTL's repository")
    parser.add_argument("--methods", nargs="+", help="see the top of the file")
    parser.add_argument("--encoders", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--tasks", nargs="+", type=int, help="numbers of tasks")
    parser.add_argument("--rounds", type=int, help="pairs of timings for each method; default: 21")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["32-true", "bf16-mixed"], default="32-true")
    parser.add_argument("--quick", action="store_true", help="3 tasks and 5 rounds")
    options = parser.parse_args()
    if options.libmtl and not (options.libmtl / "LibMTL").is_dir():
        parser.error(f"{options.libmtl} holds no folder LibMTL: give a copy of its repository")
    if options.quick:
        options.tasks = options.tasks or [3]
    options.rounds = options.rounds or (5 if options.quick else 21)
    return options


def main() -> None:
    """Measure the required ratios, or the chosen methods."""
    options = _options()
    warnings.filterwarnings("ignore")
    random.seed(0)
    if options.device == "cpu":
        # As in fit.
        keep_freed_memory()
    device = "CPU" if options.device == "cpu" else torch.cuda.get_device_name(options.device)
    print(
        f"torch {torch.__version__}, {device}, {torch.get_num_threads()} threads, "
        f"{options.precision}, {options.rounds} rounds; load average {os.getloadavg()[0]:.1f}"
    )
    if not options.methods:
        show_required(options)
        return
    with memory_process() as pool:
        for name in options.encoders:
            show_methods(name, options, pool)
    show_solvers(options.tasks or CASES["convnet"].tasks, 5 if options.quick else 31)


if __name__ == "__main__":
    main()
