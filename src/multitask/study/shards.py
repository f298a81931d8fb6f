"""A study's runs, divided among several machines."""

from __future__ import annotations

from collections.abc import Sequence

from multitask.errors import InputError
from multitask.study.plan import PlannedRun


def shard_of(runs: Sequence[PlannedRun], shard: str) -> list[PlannedRun]:
    """A share of the runs, for one of several machines.

    Runs that start from another are in the same share as it, since another machine may not have its
    checkpoint. Subject to that, shares have equal numbers of runs.

    Args:
        runs: all runs.
        shard: the share, such as ``2/5`` for the second of five.

    Raises:
        InputError: if the share is invalid.
    """
    number, _, count = shard.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise InputError(
            f"shard is {shard}; give the number of the share and their count, such as 2/5"
        )
    together: dict[str, list[PlannedRun]] = {}
    for run in runs:
        together.setdefault(_first(run).place, []).append(run)
    sizes = [0] * min(int(count), len(together))
    places: dict[str, int] = {}
    # Start with the largest, so that the small ones can even out the shares.
    for first in sorted(together, key=lambda first: -len(together[first])):
        places[first] = sizes.index(min(sizes))
        sizes[places[first]] += len(together[first])
    return [run for run in runs if places[_first(run).place] == int(number) - 1]


def _first(run: PlannedRun) -> PlannedRun:
    return run if run.after is None else _first(run.after)
