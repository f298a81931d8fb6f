"""What a balancing method costs: step time and peak memory, as ratios to the plain sum.

A step is forward, losses, balancer, backward, the balancer's work after it and AdamW's. All methods
step the same network in one process, each right after or before a plain step, in random order: the
ratio of such a pair cancels what else the machine does. Prints the median of the ratios and an
interval that holds the true median with 95 % (the whole range below 6 rounds); ``plain`` against
itself is the noise. A method that works every n steps counts as one such step and n - 1 others.

Peak memory is what one step takes at most above what lies there anyway (parameters, optimizer
state, batch): activations, gradients, Jacobians. On a CPU it is resident memory, in a
process of its own that hands freed memory back at once (Linux only); on a GPU, what torch
allocates.

    python benchmarks/balancing.py [--quick] [--encoders convnet] [--tasks 3] [--methods UPGrad ...]

Methods are named ``method[/level[/every]]``: ``UPGrad`` (at the representation),
``UPGrad/shared/10``, ``UPGrad/last`` (the last block's parameters), ``torchjd.UPGrad`` (not our own
of that name) and ``mtl_backward/UPGrad[/chunk]`` (torchjd's way to train, at most 5 tasks).
"""

from __future__ import annotations

import argparse
import math
import random
import re
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

import torch
from balancing_memory import memory_process, step_memory
from balancing_steps import CASES, Case, Share, Training, exists, method_of, shares
from torch import Tensor

from multitask.balancing.method import weights_of

MOST_EXTERNAL_TASKS = 5
"""torchjd's ``mtl_backward`` is left out above."""
BLOCK_SECONDS = 0.1
"""Plain steps timed together take at least this long."""
METHODS = ["PCGrad", "MGDA", "UPGrad", "IMTLG", "AlignedMTL", "CAGrad", "Nash"]
LEVELS = ["UPGrad/last", "UPGrad/last/10", "UPGrad/shared", "UPGrad/shared/10"]
EXTERNAL = ["mtl_backward/UPGrad", "mtl_backward/UPGrad/1"]
SOLVERS = [*METHODS, *(f"torchjd.{name}" for name in [*METHODS[:-1], "NashMTL"])]
QUICK = ["plain", "UPGrad", "UPGrad/shared", "UPGrad/shared/10"]


def chosen(names: Sequence[str], tasks: int, precision: str) -> list[str]:
    """The methods that are measured with this number of tasks in this precision."""
    if tasks > MOST_EXTERNAL_TASKS:
        return [name for name in names if not name.startswith("mtl_backward")]
    # Without a chunk mtl_backward vectorises the backward pass, which autocast's dtypes break.
    vectorised = re.compile("mtl_backward/[^/]+")
    return [name for name in names if precision == "32-true" or not vectorised.fullmatch(name)]


def step_ratios(
    case: Case, tasks: int, methods: Sequence[str], rounds: int, device: str, precision: str
) -> tuple[float, dict[str, list[float]]]:
    """Time the methods.

    Returns:
        Seconds of a plain step; by method, the ratio to it in each round.
    """
    training = Training(case, tasks, device, precision)
    wait = torch.cuda.synchronize if training.device.type == "cuda" else lambda: None
    plain = shares("plain", training, case)
    kinds = {name: shares(name, training, case) for name in methods}
    for share in [*plain, *plain, *(share for each in kinds.values() for share in each)]:
        share.step()
    steps = math.ceil(BLOCK_SECONDS / _seconds(plain, 3, wait))
    plain_times: list[float] = []
    ratios: dict[str, list[float]] = {name: [] for name in methods}
    for _round in range(rounds):
        for name in random.sample(methods, len(methods)):
            # In random order within the pair, too.
            pair = random.sample([(name, kinds[name]), ("", plain)], 2)
            times = {label: _seconds(each, steps, wait) for label, each in pair}
            ratios[name].append(times[name] / times[""])
            plain_times.append(times[""])
    return statistics.median(plain_times), ratios


def _seconds(kinds: Sequence[Share], steps: int, wait: Callable[[], None]) -> float:
    total = 0.0
    for share in kinds:
        wait()
        began = time.perf_counter()
        for _step in range(steps):
            share.step()
        wait()
        total += share.part * (time.perf_counter() - began) / steps
    return total


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The median, and the order statistics between which the true one lies with 95 %."""
    ordered, below, place = sorted(values), 0.0, -1
    while (below := below + math.comb(len(values), place + 1) / 2 ** len(values)) <= 0.025:
        place += 1
    place = max(place, 0)
    return statistics.median(ordered), ordered[place], ordered[-1 - place]


def measure(name: str, options: argparse.Namespace, pool: ProcessPoolExecutor) -> None:
    """Measure one network with every number of tasks and print its tables."""
    times, memory = Table(options.methods), Table(options.methods)
    for tasks in options.tasks or CASES[name].tasks:
        methods = chosen(options.methods, tasks, options.precision)
        where = options.device, options.precision
        plain, ratios = step_ratios(CASES[name], tasks, methods, options.rounds, *where)
        medians = {method: median_interval(each) for method, each in ratios.items()}
        cells = {
            each: f"{m:.2f} [{low:.2f}, {high:.2f}]" for each, (m, low, high) in medians.items()
        }
        times.add(f"T={tasks} ({1000 * plain:.0f} ms)", cells)
        measured = ["plain", *(each for each in methods if each != "plain")]
        peaks = pool.submit(
            step_memory, name, tasks, measured, *where, torch.get_num_threads()
        ).result()
        base = peaks.get("plain", math.nan)
        cells = {each: f"{peak / base:.2f}" for each, peak in peaks.items()}
        memory.add(f"T={tasks} ({base / 2**20:.0f} MiB)", cells)
    times.show(f"{CASES[name].title}: time of a step / plain")
    memory.show(f"{CASES[name].title}: peak memory of a step / plain")


class Table:
    """Rows of methods, columns of numbers of tasks.

    Args:
        rows: the methods.
    """

    def __init__(self, rows: Sequence[str]) -> None:
        self.columns = [["", *rows]]

    def add(self, title: str, cells: dict[str, str]) -> None:
        """Add a column; a method that is not in it gets a dash."""
        self.columns.append([title, *(cells.get(row, "-") for row in self.columns[0][1:])])

    def show(self, title: str) -> None:
        """Print the table."""
        widths = [max(map(len, column)) for column in self.columns]
        print(f"\n{title}")
        for row in zip(*self.columns, strict=True):
            first, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join([first, *others]).rstrip(), flush=True)


def show_solvers(tasks: Sequence[int], rounds: int) -> None:
    """Print how long each method takes from a Gramian to weights."""
    # A name without torchjd is theirs too where we have no such method.
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
    parser.add_argument("--encoders", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--tasks", nargs="+", type=int, help="numbers of tasks")
    parser.add_argument("--methods", nargs="+", help="see the top of the file")
    parser.add_argument("--rounds", type=int, default=9, help="pairs of timings for each method")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["32-true", "bf16-mixed"], default="32-true")
    parser.add_argument("--quick", action="store_true", help="less of everything, under a minute")
    options = parser.parse_args()
    if options.quick:
        options.tasks, options.rounds = options.tasks or [3], 3
    default = QUICK if options.quick else ["plain", *METHODS, *LEVELS, *EXTERNAL]
    options.methods = options.methods or [
        name for name in default if name == "plain" or "/" in name or exists(name)
    ]
    return options


def main() -> None:
    """Measure the chosen networks, then the solvers."""
    options = _options()
    warnings.filterwarnings("ignore")
    random.seed(0)
    device = "CPU" if options.device == "cpu" else torch.cuda.get_device_name(options.device)
    print(
        f"torch {torch.__version__}, {device}, {torch.get_num_threads()} threads, "
        f"{options.precision}"
    )
    with memory_process() as pool:
        for name in options.encoders:
            measure(name, options, pool)
    show_solvers(options.tasks or CASES["convnet"].tasks, 5 if options.quick else 31)


if __name__ == "__main__":
    main()
