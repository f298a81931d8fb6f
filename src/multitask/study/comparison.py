"""Comparison of a study's methods: one table for each question."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd

from multitask.study.plan import SINGLE_TASK
from multitask.study.results import TOTAL, Results, cost_of, history
from multitask.study.statistics import (
    LEAST_SEEDS,
    Difference,
    delta_m,
    holm,
    mean_rank,
    paired,
    seed_interval,
    win_probability,
)


def scores(results: Results) -> pd.DataFrame:
    """Each method's test metrics, Delta-m and mean rank; methods as index.

    Returns:
        For each task ``<task>`` and ``<task> ±`` (mean and half of the 95 % interval over seeds),
        then ``delta_m``, ``delta_m ±`` (percent) and ``rank``. Delta-m compares each seed with the
        single-task networks of the same seed, over the tasks that the method trains. Ranks are
        among the methods that train all tasks.
    """
    rows = {}
    for method in results.methods:
        row: dict[str, float] = {}
        for task in results.tasks:
            row[task], row[f"{task} ±"] = seed_interval(results.values(method, task))
        row["delta_m"], row["delta_m ±"] = seed_interval(_delta_m_by_seed(results, method))
        rows[method] = row
    table = pd.DataFrame.from_dict(rows, orient="index")
    whole = table[results.tasks].dropna().index
    ranks = mean_rank(table.loc[whole, results.tasks], _directions(results))
    table["rank"] = pd.Series(ranks, index=whole).reindex(table.index)
    return table


def further_scores(results: Results) -> pd.DataFrame:
    """Each method's test metrics that are shown but not compared; methods as index.

    Returns:
        For each metric ``<task> <metric>`` and ``<task> <metric> ±``, as in `scores`; no columns if
        the study requests none.
    """
    rows: dict[str, dict[str, float]] = {method: {} for method in results.methods}
    for (method, task, metric), found in results.further.groupby(
        ["method", "task", "metric"], sort=False
    ):
        name = f"{task} {metric}"
        rows[method][name], rows[method][f"{name} ±"] = seed_interval(found["value"])
    return pd.DataFrame.from_dict(rows, orient="index")


def differences(results: Results) -> pd.DataFrame:
    """Comparison of each method with the single-task network of the same seed, for each task.

    Returns:
        Columns ``method``, ``other``, ``task``, ``difference``, ``±`` (half of the 95 % interval),
        ``p``, ``p Holm`` (adjusted for all comparisons of the table), ``wins`` (probability that a
        run of the method is better than one of the other) and ``pairs``.
    """
    return _differences(
        results, [(each, SINGLE_TASK) for each in results.methods if each != SINGLE_TASK]
    )


def between_methods(results: Results) -> pd.DataFrame:
    """The pairs of methods that the study compares, for each task; columns as in `differences`.

    ``method`` is the first of the pair and ``other`` the second.
    """
    return _differences(results, [(one, other) for one, other in results.study.comparisons])


def _differences(results: Results, pairs: list[tuple[str, str]]) -> pd.DataFrame:
    rows = []
    for method, other in pairs:
        for task in results.tasks:
            ours, theirs = results.values(method, task), results.values(other, task)
            if ours.notna().any() and theirs.notna().any():
                wins = win_probability(ours, theirs, results.higher_is_better[task])
                names = {"method": method, "other": other, "task": task}
                rows.append({**names, **_row(paired(ours, theirs)), "wins": wins})
    columns = ["method", "other", "task", "difference", "±", "p", "pairs", "wins"]
    table = pd.DataFrame(rows, columns=columns)
    table["p Holm"] = holm(table["p"]) if len(table) else []
    return table


def costs(results: Results) -> pd.DataFrame:
    """The cost of one seed of each method, and the ratio of its seconds to the single-task sum.

    Returns:
        Rows are the compared methods and those that they start from; columns are those of
        `multitask.callbacks.cost.Cost` and ``of single task``. If a method starts from another's
        run, there are also columns prefixed with ``total``, which include the cost of that run.
    """
    table = pd.DataFrame.from_dict(
        {method: cost_of(results, method) for method in results.methods_with_starts},
        orient="index",
    )
    if SINGLE_TASK in table.index:
        for before in [each for each in ("", TOTAL) if f"{each}seconds" in table.columns]:
            ratio = table[f"{before}seconds"] / table.loc[SINGLE_TASK, "seconds"]
            table[f"{before}of single task"] = ratio
    return table


def affinities(results: Results) -> pd.DataFrame:
    """The change of a task by a second task, in percent; from the methods with two tasks.

    Returns:
        Rows are tasks, columns the tasks trained with them; NaN if the pair was not trained.
        Positive values are better than training alone.
    """
    table = pd.DataFrame(math.nan, index=results.tasks, columns=results.tasks)
    for name, method in results.study.methods.items():
        pair = method.tasks or []
        if len(pair) == 2 and name in results.methods and not method.settings:
            for task, other in (pair, pair[::-1]):
                table.loc[task, other] = float(np.nanmean(_changes(results, name, task)))
    return table


def lookahead(results: Results) -> pd.DataFrame:
    """The decrease of a task's loss by a step for another, in percent; estimated in one run.

    The values come from the end of runs with `multitask.callbacks.TaskAffinity`; mean over methods
    and seeds.

    Returns:
        Rows are the tasks whose loss decreases, columns the tasks of the step, as in `affinities`;
        NaN if no run has estimated it.
    """
    names = {
        f"affinity/{other}/{task}": (task, other)
        for task in results.tasks
        for other in results.tasks
        if task != other
    }
    folders = results.runs["folder"][results.runs["folder"] != ""]
    ends = [history(Path(folder), list(names)).tail(1) for folder in folders]
    found = pd.concat(ends).mean() if ends else pd.Series(dtype=float)
    table = pd.DataFrame(math.nan, index=results.tasks, columns=results.tasks)
    for name, value in found.items():
        table.loc[names[str(name)]] = 100 * value
    return table


def _delta_m_by_seed(results: Results, method: str) -> np.ndarray:
    tasks = [task for task in results.tasks if results.values(method, task).notna().any()]
    if not tasks:
        return np.array([math.nan])
    ours, alone = (_matrix(results, name, tasks) for name in (method, SINGLE_TASK))
    directions = [results.higher_is_better[task] for task in tasks]
    return np.array([delta_m(*row, directions) for row in zip(ours, alone, strict=True)])


def _changes(results: Results, method: str, task: str) -> np.ndarray:
    pairs = zip(results.values(method, task), results.values(SINGLE_TASK, task), strict=True)
    direction = [results.higher_is_better[task]]
    return np.array([delta_m([ours], [alone], direction) for ours, alone in pairs])


def _matrix(results: Results, method: str, tasks: list[str]) -> np.ndarray:
    return np.stack([results.values(method, task).to_numpy(float) for task in tasks], axis=1)


def _directions(results: Results) -> list[bool]:
    return [results.higher_is_better[task] for task in results.tasks]


def _row(found: Difference) -> dict[str, float]:
    has_enough = found.pairs >= LEAST_SEEDS
    return {
        "difference": found.mean,
        "±": found.half_width if has_enough else math.nan,
        "p": found.p_value if has_enough else math.nan,
        "pairs": found.pairs,
    }
