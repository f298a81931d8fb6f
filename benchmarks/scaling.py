"""Compare the data that processes exchange in a training step with the formulas.

Trains timm's resnet18 (64x64, batch 8, linear heads) with Lightning's Trainer and the strategy
``ddp`` over gloo, for each number of processes, kind of balancing and number of tasks. Prints the
bytes that one process passes to collectives in a step and the bytes that it sends: ``counted`` on
this machine and by ``formula``. See ``scaling_traffic.py`` for the counting and
``scaling_formulas.py`` for the formulas. Linux only.

    python benchmarks/scaling.py [--processes 1 2 4] [--tasks 2 5 10 20]
    python benchmarks/scaling.py --tables        # the tables of docs/scaling.md, nothing counted
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from functools import partial

from scaling_formulas import (
    PLAIN,
    REPRESENTATION,
    Balancing,
    Network,
    broadcast_bytes,
    reduced_bytes,
    sent_bytes,
    shared,
)
from scaling_tables import TABLES, statements
from scaling_traffic import Case, measure, network_of

from multitask.balancing import GradientBalancer
from multitask.balancing.level import LevelName
from multitask.balancing.weightings import UPGrad
from multitask.encoders import Timm

SHAPE = (8, 3, 64, 64)
KINDS: list[tuple[Balancing, LevelName | None]] = [
    (PLAIN, None),
    (REPRESENTATION, "representation"),
    (shared(1), "shared"),
    (shared(10), "shared"),
]


def balancer(level: LevelName, every: int) -> GradientBalancer:
    """Any method works here: the traffic depends only on the level."""
    return GradientBalancer(UPGrad(), level, every=every)


def case_of(kind: Balancing, level: LevelName | None, tasks: int) -> Case:
    """One row of the table."""
    make = partial(balancer, level, kind.every) if level else None
    title = kind.title.replace("`", "")
    return Case(title, partial(Timm, "resnet18"), SHAPE, tasks, make, steps=kind.every)


def expected(network: Network, kind: Balancing, tasks: int, processes: int) -> tuple[float, float]:
    """The bytes that a process passes to collectives and sends, by the formulas."""
    if processes == 1:
        return 0, 0
    reduced, broadcast = reduced_bytes(network, tasks, kind), broadcast_bytes(network)
    return reduced + broadcast, sent_bytes(reduced, processes, broadcast)


def show(processes: int, tasks: Sequence[int]) -> None:
    """Count, and print a table for this number of processes."""
    print(f"\nBytes per step and process, {processes} processes")
    _print_row("", ["", "handed", "over", "", "sent", "", "", "above"])
    titles = ["tasks", "counted", "formula", "ratio", "counted", "formula", "ratio", "plain"]
    _print_row("", titles)
    rows = [(kind, count, case_of(kind, level, count)) for count in tasks for kind, level in KINDS]
    traffic = measure([case for _, _, case in rows], processes)
    plain = 0.0
    for (kind, count, case), found in zip(rows, traffic, strict=True):
        plain = found.handed_over if kind is PLAIN else plain
        handed, sent = expected(network_of(case.model()), kind, count, processes)
        cells = [f"{found.handed_over:.0f}", f"{handed:.0f}", _ratio(found.handed_over, handed)]
        cells += [f"{found.sent:.0f}", f"{sent:.0f}", _ratio(found.sent, sent)]
        above = f"{100 * (found.handed_over / plain - 1):.4f} %" if plain else "-"
        _print_row(case.title, [f"{count}", *cells, above])


def _print_row(title: str, cells: Sequence[str]) -> None:
    print(f"{title:20}" + "".join(f"{cell:>13}" for cell in cells), flush=True)


def _ratio(counted: float, formula: float) -> str:
    return f"{counted / formula:.5f}" if formula else "-"


def main() -> None:
    """Count with the chosen numbers of processes, or print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--tasks", nargs="+", type=int, default=[2, 5, 10, 20])
    parser.add_argument("--tables", action="store_true", help="print those of docs/scaling.md")
    options = parser.parse_args()
    if options.tables:
        print("\n\n".join([*(make() for make in TABLES), *statements()]))
        return
    warnings.filterwarnings("ignore")
    for processes in options.processes:
        show(processes, options.tasks)


if __name__ == "__main__":
    main()
