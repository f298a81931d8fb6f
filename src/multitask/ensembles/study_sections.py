"""Sections of a study's report about its ensembles."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from multitask.ensembles.confidence import ALIKE
from multitask.ensembles.of_study import EnsembleResult
from multitask.ensembles.scores import CONFIDENCE, ENSEMBLE, FORMS, SHUFFLED, SINGLE
from multitask.pages.blocks import Block, Paragraph, Section, Table
from multitask.study.numbers import number, with_interval
from multitask.study.results import Results
from multitask.study.statistics import seed_interval

ALSO = ("nll", "calibration_error")
"""Metrics shown in addition to the study's, for tasks that have them."""
CALIBRATED = f"{ENSEMBLE}, calibrated"
Column = tuple[str, str]
"""A task and its metric."""


def ensemble_sections(results: Results, ensembles: Sequence[EnsembleResult]) -> Iterator[Block]:
    """A section for each ensemble: single networks, ensemble, both calibrated."""
    for found in ensembles:
        columns = columns_of(results, found.scores)
        title = f"Ensemble: {found.name}"
        if not columns:
            yield Section(title, " ".join(found.remarks))
            continue
        yield Section(title, _answer(found, columns[0]))
        rows = [[form, *(_cell(found, form, each) for each in columns)] for form in FORMS]
        yield Table(["", *(head(found.scores, each) for each in columns)], rows)
        yield Paragraph(
            f"The members are the {found.members} seeds of '{found.method}'. 'single' is their "
            "mean, with half of the 95 % interval over seeds. They make one ensemble, which has no "
            "interval; repeat the study with other seeds of the data (vary) to get one. "
            "Calibrations are fitted on the validation set."
        )
        for sentence in [*confidence_in_words(found), *found.remarks]:
            yield Paragraph(sentence)


def ensemble_table(found: Sequence[EnsembleResult]) -> pd.DataFrame:
    """All measurements, with the additional first columns ``ensemble`` and ``method``."""
    parts = [each.scores.assign(ensemble=each.name, method=each.method) for each in found]
    table = pd.concat(parts)
    first = ["ensemble", "method"]
    return table[[*first, *(name for name in table.columns if name not in first)]]


def columns_of(results: Results, scores: pd.DataFrame) -> list[Column]:
    """The metrics to show: the study's own, and those of calibration and uncertainty."""
    known = scores.drop_duplicates(["task", "metric"])
    found: list[Column] = []
    for task in dict.fromkeys(known["task"]):
        there = list(known[known["task"] == task]["metric"])
        asked = [results.metrics.get(task), *results.study.further_metrics.get(task, [])]
        shuffled = [each for each in there if each.startswith(SHUFFLED)]
        wanted = dict.fromkeys([*asked, *ALSO, *shuffled])
        found += [(task, str(metric)) for metric in wanted if metric in there]
    return found


def values(scores: pd.DataFrame, form: str, column: Column) -> list[float]:
    """The values of a metric for one form: for single networks, one per member."""
    task, metric = column
    chosen = (scores["task"] == task) & (scores["metric"] == metric) & (scores["form"] == form)
    return [float(each) for each in scores[chosen]["value"]]


def mean(scores: pd.DataFrame, form: str, column: Column) -> float:
    """The mean of `values`; NaN if there are none."""
    found = values(scores, form, column)
    return sum(found) / len(found) if found else math.nan


def head(scores: pd.DataFrame, column: Column) -> str:
    """The heading of a column."""
    task, metric = column
    rows = scores[(scores["task"] == task) & (scores["metric"] == metric)]
    arrow = "" if rows["higher_is_better"].isna().all() else "↓"
    arrow = "↑" if rows["higher_is_better"].eq(True).any() else arrow
    name = metric
    if metric.startswith(SHUFFLED):
        what = metric.removeprefix(f"{SHUFFLED}_").replace("_", " ")
        name = f"AUROC of {what} for shuffled images"
    return f"{task} {name} {arrow}".strip()


def confidence_in_words(found: EnsembleResult) -> Iterator[str]:
    """Sentences on the confidence of an ensemble's classes, and on its calibration error."""
    for task in dict.fromkeys(found.scores["task"]):
        sure, right, error, after = (
            mean(found.scores, form, (task, metric))
            for form, metric in (
                (ENSEMBLE, CONFIDENCE),
                (ENSEMBLE, "accuracy"),
                (ENSEMBLE, "calibration_error"),
                (CALIBRATED, "calibration_error"),
            )
        )
        # The condition also holds if one of them is unknown.
        if not abs(sure - right) >= ALIKE:
            continue
        told = f"{sure:.3f} mean probability of the chosen class, {right:.3f} of them right"
        if sure < right:
            word, why = "under", ", as a mean of probabilities is less extreme than each of them"
            kind = ", which does not mean that its answers are worse"
        else:
            word, why, kind = "over", "", ""
        sentence = f"Uncalibrated, the ensemble is {word}-confident about {task} ({told}){why}."
        if error == error:
            sentence += f" That is its calibration error of {number(error)}{kind}"
            sentence += f"; calibrated, it has {number(after)}." if after == after else "."
        yield sentence


def _cell(found: EnsembleResult, form: str, column: Column) -> str:
    several = values(found.scores, form, column)
    if form.startswith(SINGLE):
        return with_interval(*seed_interval(several))
    return number(several[0]) if several else ""


def _answer(found: EnsembleResult, column: Column) -> str:
    task, metric = column
    one, all_ = (mean(found.scores, form, column) for form in (SINGLE, ENSEMBLE))
    return (
        f"The ensemble of {found.members} has a {task} {metric} of {number(all_)}, and its members "
        f"{number(one)} on average."
    )
