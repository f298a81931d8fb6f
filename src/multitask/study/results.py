"""Results of a study's finished runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from multitask.runs.loggers import METRICS
from multitask.runs.summary import read_summary
from multitask.study.measured_parts import name_in_tests, split_part
from multitask.study.plan import SINGLE_TASK, PlannedRun, Study
from multitask.training.model_size import MULTIPLY_ADDS, PARAMETERS

UNTESTED = (
    "ended before a validation, which chooses the checkpoint to test; set trainer.max_epochs, "
    "max_steps or val_check_interval so that one takes place"
)


TOTAL = "total "
"""Prefix of the name of a cost that includes what the run starts from."""
SIZES = (*PARAMETERS, "trainable_parameters", MULTIPLY_ADDS)
"""Parts of a cost that describe a network's size."""
NOT_SUMMED = (*SIZES, "peak_memory")
"""Parts of a cost that are not times: two successive runs do not need twice as much of them."""


@dataclass(frozen=True)
class Results:
    """Everything that a report is based on.

    Args:
        study: the study.
        metrics: the compared metric of each task.
        higher_is_better: the direction of each task's metric.
        scores: test metrics, with columns ``method``, ``part``, ``seed``, ``task``, ``value``. The
            values of `SINGLE_TASK` come from each task's own network.
        further: like ``scores``, for metrics that are shown but not compared; with additional
            columns ``metric`` and ``higher_is_better``.
        costs: one row for each finished run, with columns ``method``, ``part``, ``seed`` and those
            of `multitask.callbacks.cost.Cost`. In a study with a method that starts from another's
            run, each also exists with the prefix ``total``, which includes what the run starts
            from. Memory is not added up, and unknown values are NaN.
        runs: one row for each planned run, with columns ``method``, ``part``, ``seed``, ``state``
            (``finished``, ``untested``, ``failed``, ``not run`` or ``missing``), ``reason``,
            ``folder``.
    """

    study: Study
    metrics: dict[str, str]
    higher_is_better: dict[str, bool]
    scores: pd.DataFrame
    further: pd.DataFrame
    costs: pd.DataFrame
    runs: pd.DataFrame

    @property
    def methods(self) -> list[str]:
        """The compared methods that have a result in the study's tasks, the baselines first."""
        rows = self.scores[self.scores["task"].isin(self.study.tasks)]
        return list(dict.fromkeys(rows["method"]))

    @property
    def methods_with_starts(self) -> list[str]:
        """The compared methods, and all methods that they start from, in the order of the runs."""
        wanted = {each for method in self.methods for each in (method, *self.starts(method))}
        return [each for each in dict.fromkeys(self.costs["method"]) if each in wanted]

    @property
    def tasks(self) -> list[str]:
        """The tasks that have a result, in the order of the experiment."""
        return [task for task in self.study.tasks if task in set(self.scores["task"])]

    def starts(self, method: str) -> list[str]:
        """The chain of methods that a method starts from; empty for most."""
        before = self.study.after.get(method)
        return [] if before is None else [before, *self.starts(before)]

    def values(self, method: str, task: str) -> pd.Series[float]:
        """A method's test metric of a task by seed; NaN for a seed whose run is missing."""
        rows = self.scores[(self.scores["method"] == method) & (self.scores["task"] == task)]
        return rows.set_index("seed")["value"].reindex(self.study.seeds)


def collect(
    study: Study,
    runs: Sequence[PlannedRun],
    folders: Mapping[str, Path | None],
    failures: Mapping[str, str | None],
    obstacles: Mapping[str, str | None] | None = None,
) -> Results:
    """Read the folders of the runs.

    Args:
        study: the study.
        runs: all planned runs.
        folders: folders of the finished runs, by the run's place.
        failures: the reason why a run failed, by the run's place.
        obstacles: the reason why a run could not start, by the run's place.
    """
    scores, further, costs, states = [], [], [], []
    metrics: dict[str, str] = {}
    directions: dict[str, bool] = {}
    for run in runs:
        folder = folders[run.place]
        summary = read_summary(folder) if folder is not None else None
        key = {"method": run.method, "part": run.part, "seed": run.seed}
        state, reason = _state(run, summary, failures[run.place], (obstacles or {}).get(run.place))
        states.append({**key, "state": state, "reason": reason, "folder": str(folder or "")})
        if summary is None:
            continue
        total = _total(summary, run, folders) if any(study.after.values()) else {}
        costs.append({**key, **summary["cost"], **total})
        if run.tests and state == "finished":
            for task in summary["headlines"]:
                metrics[task] = study.metrics.get(task, summary["headlines"][task])
                value, higher = _measured(summary, task, metrics[task])
                directions[task] = higher is not False
                scores.append({**key, "task": task, "value": value})
                for metric in study.shown_metrics(task, metrics[task]):
                    value, higher = _measured(summary, task, metric)
                    row = {"task": task, "metric": metric, "value": value}
                    further.append({**key, **row, "higher_is_better": higher})
    columns = ["method", "part", "seed", "task", "value"]
    return Results(
        study,
        metrics,
        directions,
        pd.DataFrame(scores, columns=columns),
        pd.DataFrame(further, columns=[*columns, "metric", "higher_is_better"]),
        pd.DataFrame(costs),
        pd.DataFrame(states),
    )


def _state(
    run: PlannedRun, summary: Mapping[str, Any] | None, failure: str | None, obstacle: str | None
) -> tuple[str, str]:
    """The state of a run, and the reason."""
    if summary is not None:
        is_tested = any(name.startswith("test/") for name in summary["metrics"])
        return ("untested", UNTESTED) if run.tests and not is_tested else ("finished", "")
    if failure:
        return "failed", failure
    return ("not run", f"because {obstacle}") if obstacle else ("missing", "")


def _total(
    summary: Mapping[str, Any], run: PlannedRun, folders: Mapping[str, Path | None]
) -> dict[str, float]:
    """A run's cost, including that of what it starts from."""
    own, before = summary["cost"], run.after
    total = {name: value for name, value in own.items() if name not in NOT_SUMMED}
    while before is not None:
        folder = folders.get(before.place)
        found = None if folder is None else read_summary(folder)
        cost = {} if found is None else found["cost"]
        total = {name: value + cost.get(name, math.nan) for name, value in total.items()}
        before = before.after
    return {f"{TOTAL}{name}": value for name, value in total.items()}


def _measured(summary: Mapping[str, Any], task: str, metric: str) -> tuple[float, bool | None]:
    value = summary["metrics"].get(name_in_tests(task, metric), math.nan)
    # The direction of a metric does not depend on the changes to the images.
    usual = f"test/{task}/{split_part(metric)[1]}"
    return value, summary["higher_is_better"].get(usual, True)


def history(folder: Path, names: Sequence[str]) -> pd.DataFrame:
    """Values that a run logged under some names; a column for each, the steps as index.

    Args:
        folder: the run's folder.
        names: metric names, such as ``val/digit/accuracy``; no rows if the run has logged none.
    """
    try:
        rows = pd.read_csv(folder / METRICS)
    except FileNotFoundError:
        return pd.DataFrame()
    rows = rows[rows["name"].isin(names)]
    return rows.pivot_table(index="step", columns="name", values="value", aggfunc="last")


def cost_of(results: Results, method: str) -> dict[str, Any]:
    """The cost of one seed of a method: the sum of its runs, but peak memory; means over seeds.

    Trials count as one part of the method, divided among the seeds. In a study with a method that
    starts from another's run, entries prefixed with `TOTAL` include the cost of that run.
    """
    rows = results.costs[results.costs["method"] == method]
    sums = rows.drop(columns="seed").sum(numeric_only=True)
    # The sum over some of the parts would be too low.
    may_lack = [name for name in sums.index if name.startswith(TOTAL) or name in SIZES]
    unknown = [name for name in may_lack if rows[name].isna().any()]
    sums[unknown] = math.nan
    memory = rows.groupby("seed")["peak_memory"].max()
    count = len(set(results.study.seeds) & set(rows["seed"])) or 1
    found: dict[str, Any] = {str(name): float(value) / count for name, value in sums.items()}
    found["peak_memory"] = float(memory.mean())
    if method != SINGLE_TASK:
        # The final network, not those that were tried.
        sizes = [name for name in SIZES if name in rows.columns and name not in unknown]
        found |= {name: float(rows[name].max()) for name in sizes}
    return found
