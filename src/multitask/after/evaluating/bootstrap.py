"""Variation of results over other samples of the same kind: the percentile bootstrap.

Samples are drawn with replacement, as many as there are, many times. The metrics of the draws vary
as those of other data would (Efron, 1979, Annals of Statistics 7(1)). Samples that belong together
are drawn together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from multitask.after.evaluating.merged_bins import merged
from multitask.after.evaluating.sample_states import SampleStates, Values

RESAMPLES = 2000
FEWEST_RESAMPLES = 200
MOST_WORK = 3e9
"""Most values to add or visit for one task; with more, there are fewer resamples."""
FEWEST = 10
"""Fewest samples or groups for a meaningful interval."""
UNDEFINED = 0.05
"""Largest fraction of resamples in which a metric may be undefined."""
CHUNK = 2**22
"""Number of state values of a resample that are in memory at a time."""
LEVEL = 0.95
Groups = np.ndarray[Any, np.dtype[np.int64]]


def resampled(
    states: SampleStates,
    groups: Groups | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    most_work: float = MOST_WORK,
) -> dict[str, Values]:
    """Compute the metrics of a task on bootstrap resamples.

    The same seed draws the same samples, so that two models can be compared draw by draw.

    Args:
        states: states of all samples; samples without a label are ignored.
        groups: number of each sample's group, shape ``[samples]``; default: each sample is a group.
        resamples: number of resamples.
        seed: seed of the draws.
        most_work: largest number of values to add; a second is enough for about 10^8.

    Returns:
        By metric, its value in each draw, NaN if undefined; shape ``[draws]``. With many samples of
        many classes, there are fewer draws than ``resamples``. Empty with fewer than 10 samples or
        groups.
    """
    rows = by_group(states, groups)
    if rows.shape[0] < FEWEST:
        return {}
    work = rows.nnz + 4 * rows.shape[1]
    draws = min(resamples, max(FEWEST_RESAMPLES, int(most_work / work)))
    rows, layout = merged(rows, states.layout, states.metrics)
    found: list[dict[str, float]] = []
    for counts in _counts(rows.shape[0], draws, max(1, CHUNK // sum(rows.shape)), seed):
        found += [states.values(each, layout) for each in counts @ rows]
    return {name: np.array([each[name] for each in found]) for name in states.resampled}


def by_group(states: SampleStates, groups: Groups | None) -> csr_array:
    """Sum the states over each group that has a label.

    Args:
        states: states of all samples.
        groups: see `resampled`.

    Returns:
        One row per group.
    """
    rows = states.rows()
    if groups is None or rows.shape[0] == 0:
        return rows
    _, owners = np.unique(groups[states.known.numpy()], return_inverse=True)
    places = np.arange(len(owners))
    members = csr_array((np.ones(len(owners)), (owners, places)))
    return members @ rows


def interval(values: Values, units: int) -> tuple[float, float] | str:
    """The percentile interval, or the reason why there is none.

    Args:
        values: see `resampled`; shape ``[draws]``.
        units: number of samples or groups that were drawn from.

    Returns:
        The ends of the interval that contains 95 % of the draws, or a few words.
    """
    if units < FEWEST:
        are = "is" if units == 1 else "are"
        return f"no interval: it needs at least {FEWEST} with a label, and there {are} {units}"
    known = values[np.isfinite(values)]
    if not len(known) or len(known) < (1 - UNDEFINED) * len(values):
        return (
            f"no interval: undefined in {len(values) - len(known):,} of {len(values):,} resamples"
        )
    if np.ptp(known) <= 1e-12 * max(1.0, np.abs(known).max()):
        return "no interval: it is the same in every resample"
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def p_value(differences: Values) -> float:
    """Two-sided bootstrap p-value of a difference.

    It is twice the fraction of draws on the far side of 0, with one draw added to both counts. With
    2,000 draws it is at least 0.001 (Davison and Hinkley, 1997, "Bootstrap Methods and their
    Application", section 4).

    Args:
        differences: differences of paired draws, shape ``[draws]``; undefined ones are ignored.

    Returns:
        Value from 0 to 1; NaN without a draw.
    """
    known = differences[np.isfinite(differences)]
    if not len(known):
        return float("nan")
    beyond = min(np.count_nonzero(known <= 0), np.count_nonzero(known >= 0))
    return min(1.0, 2 * (beyond + 1) / (len(known) + 1))


def _counts(units: int, draws: int, chunk: int, seed: int) -> Iterator[Values]:
    """How often each unit occurs in each draw, a chunk of draws at a time."""
    generator = np.random.default_rng(seed)
    for first in range(0, draws, chunk):
        size = min(chunk, draws - first)
        places = generator.integers(units, size=(size, units))
        places += units * np.arange(size)[:, None]
        counts = np.bincount(places.ravel(), minlength=size * units)
        yield counts.reshape(size, units).astype(np.float64)
