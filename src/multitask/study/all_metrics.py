"""Delta-m over several metrics of each task, as in the tables of published methods."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from multitask.pages.blocks import Block, Heading, Paragraph, Table
from multitask.pages.words import counted
from multitask.study.delta_m import DeltaM
from multitask.study.numbers import with_interval
from multitask.study.plan import SINGLE_TASK
from multitask.study.statistics import relative_change, seed_interval

if TYPE_CHECKING:
    from multitask.study.results import Results


def drop(results: Results) -> pd.DataFrame:
    """Each method's Delta-m over all metrics that the study's ``delta_m`` lists.

    Returns:
        Methods as index, ``delta_m`` and ``delta_m ±``: mean and half of the 95 % interval over
        seeds, in percent. There are no rows if the study does not request it. NaN for a method that
        lacks a task.
    """
    asked = results.study.delta_m
    rows = {}
    for method in results.methods if asked is not None else ():
        assert asked is not None
        rows[method] = dict(
            zip(
                ("delta_m", "delta_m ±"),
                seed_interval(_by_seed(results, asked, method)),
                strict=True,
            )
        )
    return pd.DataFrame.from_dict(rows, orient="index", columns=["delta_m", "delta_m ±"])


def drop_table(results: Results) -> Iterator[Block]:
    """The table of `drop`; nothing if the study does not request it."""
    asked = results.study.delta_m
    table = drop(results)
    if asked is None or not len(table):
        return
    count = sum(map(len, asked.metrics.values()))
    yield Heading(f"Delta-m over {counted(count, 'metric')}", 3)
    better = "lower" if asked.better == "lower" else "higher"
    yield Table(
        ["method", f"Delta-m, % {'↓' if better == 'lower' else '↑'}"],
        [
            [str(method), with_interval(row["delta_m"], row["delta_m ±"], sign=True)]
            for method, row in table.iterrows()
        ],
    )
    how = (
        "the mean over all of these metrics, so that a task with more of them weighs more,"
        if asked.average == "metrics"
        else "the mean over tasks of the mean over their metrics"
    )
    base = "the numbers in base" if asked.base else "the single-task networks of the same seed"
    yield Paragraph(
        f"It is {how} of their change, in percent of {base}; {better} is better. The metrics: "
        + "; ".join(f"{task}: {', '.join(each)}" for task, each in asked.metrics.items())
        + "."
    )


def _by_seed(results: Results, asked: DeltaM, method: str) -> np.ndarray:
    changes = []
    for task, metrics in asked.metrics.items():
        own = []
        for place, metric in enumerate(metrics):
            values, higher = _values(results, method, task, metric)
            if asked.base:
                base = np.full(len(values), asked.base[task][place])
            else:
                base, _ = _values(results, SINGLE_TASK, task, metric)
            own.append(relative_change(values, base, higher))
        changes.append(np.stack(own))
    return asked.mean(changes)


def _values(results: Results, method: str, task: str, metric: str) -> tuple[np.ndarray, bool]:
    """A metric by seed (NaN if a run lacks it), and whether higher is better."""
    if metric == results.metrics.get(task):
        values = results.values(method, task)
        return values.to_numpy(float), results.higher_is_better[task]
    rows = results.further
    rows = rows[(rows["task"] == task) & (rows["metric"] == metric)]
    higher = bool(rows["higher_is_better"].iloc[0]) if len(rows) else True
    own = rows[rows["method"] == method].set_index("seed")["value"]
    return own.reindex(results.study.seeds, fill_value=math.nan).to_numpy(float), higher
