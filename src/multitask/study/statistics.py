"""Statistics of many runs over seeds and metrics; the result of a failed run is NaN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEAST_SEEDS = 3
"""With fewer seeds than this, there are neither intervals nor tests."""


@dataclass(frozen=True)
class Difference:
    """Difference between two methods over runs with the same seeds.

    Args:
        mean: mean of the differences, in the metric's unit.
        half_width: half the width of its confidence interval, in the same unit.
        p_value: two-sided p-value of the hypothesis that the expected difference is 0.
        pairs: number of seeds for which both methods have a result.
    """

    mean: float
    half_width: float
    p_value: float
    pairs: int


def interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Student's confidence interval for the expected result of a run.

    Args:
        values: one result for each seed, shape ``[seeds]``; NaN is ignored.
        level: probability with which such intervals cover the expected result.

    Returns:
        The mean and half the interval's width, in the unit of ``values``; the half-width is 0 for
        equal values and NaN for a single value. Without a value, both are NaN.

    Raises:
        ValueError: if ``level`` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level}")
    known = _known(values)
    mean = float(known.mean()) if len(known) else nan
    if len(known) < 2:
        return mean, nan
    quantile = stats.t.ppf((1 + level) / 2, len(known) - 1)
    return mean, float(quantile * known.std(ddof=1) / sqrt(len(known)))


def seed_interval(values: ArrayLike) -> tuple[float, float]:
    """Like `interval`, but the half-width is NaN if fewer than three seeds have a result.

    Student's interval of two values is six times as wide as that of three with the same deviation,
    and carries no information.

    Args:
        values: one result for each seed, shape ``[seeds]``; NaN is ignored.
    """
    mean, half_width = interval(values)
    return mean, half_width if len(_known(values)) >= LEAST_SEEDS else nan


def means_in_words(seeds: Sequence[int]) -> str:
    """Describe what is shown for the results over seeds, and what more seeds would add.

    Args:
        seeds: all seeds.
    """
    if len(seeds) >= LEAST_SEEDS:
        return "mean and 95 % interval over seeds"
    return "mean over seeds; an interval needs at least three seeds"


def paired(ones: ArrayLike, others: ArrayLike, level: float = 0.95) -> Difference:
    """Student's paired t-test of ``ones - others``.

    Args:
        ones: one method's results, shape ``[seeds]``; NaN if it has none.
        others: the other's, for the same seeds in the same order, shape ``[seeds]``.
        level: confidence level of the interval.

    Returns:
        The difference over the seeds that both have. With fewer than 2 of them, the half-width and
        the p-value are NaN; with none, so is the mean. The p-value is 1 if all pairs agree to
        single precision, and NaN if they differ by a constant, because there is no variation to
        compare with.

    Raises:
        ValueError: if the shapes differ, or ``level`` is not between 0 and 1.
    """
    ones, others = np.asarray(ones, float), np.asarray(others, float)
    if ones.shape != others.shape:
        raise ValueError(f"results must have the same seeds, not {ones.shape} and {others.shape}")
    both = ~(np.isnan(ones) | np.isnan(others))
    differences = ones[both] - others[both]
    mean, half_width = interval(differences, level)
    if len(differences) < 2:
        return Difference(mean, half_width, nan, len(differences))
    # Metrics are computed in single precision. Its rounding errors in a constant difference vary so
    # little that any difference would appear significant.
    rounding = 2 * np.finfo(np.float32).eps * np.abs([ones[both], others[both]]).max()
    if np.abs(differences).max() <= rounding:
        p_value = 1.0
    elif np.ptp(differences) <= rounding:
        p_value = nan
    else:
        p_value = float(stats.ttest_1samp(differences, 0).pvalue)
    return Difference(mean, half_width, p_value, len(differences))


def relative_change(
    values: ArrayLike, reference: ArrayLike, higher_is_better: ArrayLike
) -> np.ndarray:
    """Change from a reference in percent, positive for an improvement.

    Args:
        values: results, any shape.
        reference: reference values in the same unit, broadcast against ``values``.
        higher_is_better: which direction is good, bool, broadcast in the same way.

    Returns:
        ``100 * sign * (values - reference) / |reference|``; NaN if the reference is 0 or NaN.
    """
    values, reference = np.asarray(values, float), np.asarray(reference, float)
    size = np.where(reference == 0, nan, np.abs(reference))
    return 100 * _signs(higher_is_better) * (values - reference) / size


def delta_m(values: ArrayLike, references: ArrayLike, higher_is_better: ArrayLike) -> float:
    """Mean relative change over metrics, in percent, positive for an improvement.

    The sign is that of Maninis et al. (2019, arXiv 1904.08918). The tables of the balancing methods
    (Liu et al., 2023, arXiv 2306.03792) print the negative, the drop, where lower is better. As in
    those tables, this is one mean over all metrics, not first within a task: a task with more
    metrics has more weight.

    Args:
        values: the metrics of all tasks in one list, shape ``[metrics]``.
        references: the same metrics of single-task training, shape ``[metrics]``.
        higher_is_better: which direction is good, bool, shape ``[metrics]``.

    Returns:
        The mean; NaN if any change is NaN, since means over different metrics are not comparable.

    Raises:
        ValueError: if the shapes differ.
    """
    shapes = [np.shape(each) for each in (values, references, higher_is_better)]
    if len(set(shapes)) > 1:
        raise ValueError(f"values, references and higher_is_better differ in shape: {shapes}")
    return float(relative_change(values, references, higher_is_better).mean())


def mean_rank(table: ArrayLike, higher_is_better: ArrayLike) -> np.ndarray:
    """Mean of each method's rank over metrics; 1 is the best.

    Args:
        table: results, shape ``[methods, metrics]``.
        higher_is_better: which direction is good, bool, shape ``[metrics]``.

    Returns:
        Mean ranks, shape ``[methods]``. Ties share a rank; NaN is last, as if infinitely bad.
    """
    badness = -_signs(higher_is_better) * np.asarray(table, float)
    return stats.rankdata(np.where(np.isnan(badness), np.inf, badness), axis=0).mean(axis=1)


def win_probability(ones: ArrayLike, others: ArrayLike, higher_is_better: bool) -> float:
    """Probability that a run of one method is better than a run of the other.

    The "probability of improvement" of Agarwal et al. (2021, arXiv 2108.13264): Mann and Whitney's
    U divided by the number of pairs. NaN is ignored, so that failed runs do not count against a
    method.

    Args:
        ones: results of one method, shape ``[seeds]``.
        others: results of the other method, for any seeds, shape ``[other seeds]``.
        higher_is_better: which direction is good.

    Returns:
        Fraction of all pairs in which ``ones`` are better, counting ties as half; NaN without a
        pair.
    """
    rows, columns = _known(ones)[:, None], _known(others)
    wins = rows > columns if higher_is_better else rows < columns
    return float((wins + (rows == columns) / 2).mean()) if wins.size else nan


def holm(p_values: ArrayLike) -> np.ndarray:
    """Adjust p-values, shape ``[tests]``, to control the error rate of all tests together.

    Step-down (Holm, 1979, Scandinavian Journal of Statistics 6(2)). NaN stays NaN and does not
    count as a test.
    """
    adjusted = np.array(p_values, float)
    # Sorting puts NaN last.
    order = np.argsort(adjusted)[: np.count_nonzero(~np.isnan(adjusted))]
    steps = adjusted[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.maximum.accumulate(np.minimum(steps, 1))
    return adjusted


def pareto(points: ArrayLike, higher_is_better: ArrayLike) -> np.ndarray:
    """Mark the rows that no other row dominates.

    A row dominates another if it is better in one metric and at least equal in all.

    Args:
        points: results, shape ``[methods, metrics]``.
        higher_is_better: which direction is good, bool, shape ``[metrics]``.

    Returns:
        Bool, shape ``[methods]``. Equal rows are treated alike. Rows with NaN are False and
        dominate no other.
    """
    goodness = _signs(higher_is_better) * np.asarray(points, float)
    rows, columns = goodness[:, None], goodness[None, :]
    dominates = (rows >= columns).all(-1) & (rows > columns).any(-1)
    return ~dominates.any(0) & ~np.isnan(goodness).any(-1)


def _known(values: ArrayLike) -> np.ndarray:
    array = np.asarray(values, float)
    return array[~np.isnan(array)]


def _signs(higher_is_better: ArrayLike) -> np.ndarray:
    return np.where(higher_is_better, 1.0, -1.0)
