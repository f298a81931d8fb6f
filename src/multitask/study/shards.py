"""A study's runs, divided among several machines."""

from __future__ import annotations

from collections.abc import Sequence

from multitask.errors import InputError
from multitask.study.plan import PlannedRun


def shard_of(runs: Sequence[PlannedRun], shard: str) -> list[PlannedRun]:
    """A share of the runs, for one of several machines.

    Runs that start from another are in its share, as another machine may not have its checkpoint.
    Shares have as many runs as that allows.

    Args:
        runs: all of them.
        shard: such as ``2/5``, the second of five.

    Raises:
        InputError: if there is no such share.
    """
    number, _, count = shard.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise InputError(f"shard is {shard}; give the number and count of shares, such as 2/5")
    together: dict[str, list[PlannedRun]] = {}
    for run in runs:
        together.setdefault(_first(run).place, []).append(run)
    sizes = [0] * min(int(count), len(together))
    places: dict[str, int] = {}
    # The largest first, which leaves the small ones to even the shares out.
    for first in sorted(together, key=lambda first: -len(together[first])):
        places[first] = sizes.index(min(sizes))
        sizes[places[first]] += len(together[first])
    return [run for run in runs if places[_first(run).place] == int(number) - 1]


def _first(run: PlannedRun) -> PlannedRun:
    return run if run.after is None else _first(run.after)
