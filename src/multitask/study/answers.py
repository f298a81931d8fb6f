"""One sentence for each section of a study's report that summarises its result."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from multitask.figures.epochs import Curve, read_curves
from multitask.pages.words import capital, counted, listed
from multitask.runs.loggers import METRICS
from multitask.study.comparison import costs, scores
from multitask.study.numbers import number, with_interval
from multitask.study.plan import SINGLE_TASK
from multitask.study.results import TOTAL, Results
from multitask.study.statistics import pareto

STATES = {
    "finished": "finished",
    "untested": "not tested",
    "failed": "failed",
    "not run": "not run",
    "missing": "not finished",
}
SCORE = "val/score"


def of_runs(results: Results) -> str:
    """The number of runs, and their outcomes."""
    counts = results.runs["state"].value_counts()
    states = [f"{counts[key]} {word}" for key, word in STATES.items() if key in counts]
    seeds = counted(len(results.study.seeds), "seed")
    return f"{counted(len(results.runs), 'run')} with {seeds}: {', '.join(states)}."


def of_unfinished(results: Results) -> str:
    """The number of runs without a result."""
    counts = results.runs["state"].value_counts().drop("finished", errors="ignore")
    states = [f"{counts[key]} {word}" for key, word in STATES.items() if key in counts]
    of = f"{counts.sum()} of {counted(len(results.runs), 'run')}"
    return f"{of} {'has' if counts.sum() == 1 else 'have'} no result: {', '.join(states)}."


def of_scores(results: Results) -> str:
    """The best method on the test set."""
    table = scores(results)
    gains = table["delta_m"].drop(index=SINGLE_TASK, errors="ignore").dropna()
    if SINGLE_TASK in table.index and len(gains):
        return _gain(table.loc[gains.idxmax()], str(gains.idxmax()), len(gains))
    if len(table) == 1:
        return _only(results, str(table.index[0]))
    ranks = table["rank"].dropna()
    if ranks.empty:
        return "No method trains all tasks, so they cannot be ranked."
    best = [str(each) for each in ranks.index[ranks == ranks.min()]]
    if len(best) > 1:
        return f"{listed(best)} share the best mean rank, {ranks.min():.3g}."
    if len(results.tasks) == 1:
        (task,) = results.tasks
        value = with_interval(table.loc[best[0], task], table.loc[best[0], f"{task} ±"])
        return f"{best[0]} has the best {task} {results.metrics[task]}: {value}."
    return (
        f"{best[0]} has the best mean rank over {counted(len(results.tasks), 'task')}, "
        f"{ranks.min():.3g} of {len(ranks)}."
    )


def _gain(row: pd.Series[float], method: str, methods: int) -> str:
    gain, half = row["delta_m"], row["delta_m ±"]
    shown = f"{with_interval(gain, half, sign=True)} % on average over its tasks"
    if half != half:
        sure = ", without an interval, which needs at least three seeds"
    else:
        sure = ", which may be chance" if abs(gain) <= half else ""
    if methods == 1:
        word = "better" if gain > 0 else "worse" if gain < 0 else "neither better nor worse"
        text = f"{method} is {word} than training each task alone"
    elif gain > 0:
        text = f"{method} gains most over training each task alone"
    else:
        text = f"No method gains over training each task alone; {method} comes closest"
    return f"{text} ({shown}{sure})."


def _only(results: Results, method: str) -> str:
    values = [
        f"{task} {results.metrics[task]} {number(float(results.values(method, task).mean()))}"
        for task in results.tasks
    ]
    return f"Only {method} has a result: {listed(values)}."


def of_costs(results: Results) -> str:
    """The time that each method takes, including what it starts from."""
    table = costs(results).loc[results.methods]
    before = TOTAL if any(results.starts(method) for method in results.methods) else ""
    known = table.dropna(subset=f"{before}seconds")
    others = known.drop(index=SINGLE_TASK, errors="ignore")
    if others.empty and SINGLE_TASK in table.index:
        seconds = table.loc[SINGLE_TASK, "seconds"]
        return f"With one seed, all single-task networks together take {number(seconds)} s."
    if others.empty:
        return "The cost of the methods with what they start from is not known."
    seconds = others[f"{before}seconds"]
    fast, slow = str(seconds.idxmin()), str(seconds.idxmax())
    if SINGLE_TASK in table.index:
        ratios = others[f"{before}of single task"]
        shares = [f"{ratios[each]:.2g} times" for each in (fast, slow)]
        of = "as long as all single-task networks together"
    else:
        shares = [f"{number(seconds[each])} s" for each in (fast, slow)]
        of = ""
    with_starts = ", with what it starts from" if before else ""
    if fast == slow:
        text = " ".join(filter(None, [f"A seed of {fast} takes {shares[0]}", of]))
        return f"{text}{with_starts}."
    return (
        f"A seed takes between {shares[0]} ({fast}) and {shares[1]} ({slow})"
        f"{' ' if of else ''}{of}{with_starts}."
    )


def of_trade_offs(results: Results) -> str:
    """The methods that no other method dominates."""
    table = scores(results)[results.tasks].dropna()
    front = pareto(table, [results.higher_is_better[task] for task in results.tasks])
    best = [str(each) for each in table.index[front]]
    if not best:
        return "No method has a result in all tasks."
    if len(table) == 1:
        return f"Only {best[0]} has a result in all tasks."
    if len(best) == 1:
        return f"{best[0]} is at least as good as every other method in all tasks."
    if len(best) == len(table):
        return "No method beats another in all tasks."
    return (
        f"Nothing beats {listed(best)}: no other method is at least as good in all tasks and "
        "better in one."
    )


def of_learning(results: Results) -> str:
    """Whether training was long enough."""
    curves = [each[SCORE] for each in _all_curves(results, [SCORE]) if SCORE in each]
    several = [each for each in curves if len(each.values) > 1]
    if not several:
        return "It is not known whether training was long enough: no run has several validations."
    last = sum(int(np.argmax(each.values)) == len(each.values) - 1 for each in several)
    if last == 0:
        return f"Every run had its best {SCORE} before its last validation."
    return (
        f"{last} of {counted(len(several), 'run')} had the best {SCORE} at the last validation: "
        "longer training may help."
    )


def of_gradients(results: Results) -> str:
    """The tasks whose gradients conflict most."""
    pairs = {f"gradients/{a}-{b}/cosine": (a, b) for a, b in combinations(results.tasks, 2)}
    found = _all_curves(results, list(pairs))
    values = {
        name: np.concatenate([each[name].values for each in found if name in each])
        for name in pairs
        if any(name in each for each in found)
    }
    if not values:
        return "No run has logged gradients."
    means = {name: float(each.mean()) for name, each in values.items()}
    name = min(means, key=lambda each: means[each])
    one, other = pairs[name]
    mean = f"the mean cosine of their gradients is {means[name]:.2g}"
    if means[name] < 0:
        return f"{one} and {other} conflict most: {mean}."
    lead = "are the least alike" if len(means) > 1 else "do not conflict"
    none = "No two tasks conflict on average; " if len(means) > 1 else ""
    return f"{none}{one} and {other} {lead}: {mean}."


def of_affinities(table: pd.DataFrame, lead: str = "") -> str:
    """The tasks that help and harm another most.

    Args:
        table: changes in percent; rows are the tasks that change, columns the tasks trained with
            them.
        lead: beginning of the sentence.
    """
    cells = table.stack().dropna()
    if cells.empty:
        return "No two tasks were compared."
    most = " most" if len(cells) > 1 else ""
    parts = []
    for sign, verb in ((1, "helps"), (-1, "harms")):
        task, other = (sign * cells).idxmax()
        value = cells.loc[(task, other)]
        found = f"{other} {verb} {task}{most} ({value:+.2g} %)"
        parts.append(found if sign * value > 0 else f"no task {verb} another")
    text = f"{parts[0]}, and {parts[1]}."
    return f"{lead}{text}" if lead or cells.max() > 0 else capital(text)


def _all_curves(results: Results, names: Sequence[str]) -> list[dict[str, Curve]]:
    folders = results.runs["folder"][results.runs["folder"] != ""]
    return [read_curves(Path(folder) / METRICS, names) for folder in folders]
