"""Ensembles of a repeated study: if only the seeds differ, an interval over repetitions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from multitask.ensembles.of_study import EnsembleResult
from multitask.ensembles.scores import ENSEMBLE, FORMS, SINGLE
from multitask.ensembles.study_sections import (
    Column,
    columns_of,
    confidence_in_words,
    ensemble_table,
    head,
    mean,
)
from multitask.pages.blocks import Block, Paragraph, Section, Table
from multitask.pages.spreadsheet import write_csv
from multitask.study.numbers import number, with_interval
from multitask.study.plan import Study
from multitask.study.results import Results
from multitask.study.statistics import LEAST_SEEDS, paired, seed_interval

PAIRS = ((ENSEMBLE, SINGLE), (f"{ENSEMBLE}, calibrated", f"{SINGLE}, calibrated"))


class Repetition(NamedTuple):
    """Results of a study with other settings."""

    results: Results
    ensembles: Sequence[EnsembleResult]


def repeated_ensembles(
    study: Study, found: Mapping[str, Repetition], folder: Path
) -> Iterator[Block]:
    """A section for each ensemble, over all repetitions; also writes ``ensembles.csv``.

    Args:
        study: the study.
        found: results by the repetition's name.
        folder: folder of the study.
    """
    tables = {
        name: ensemble_table(each.ensembles) for name, each in found.items() if each.ensembles
    }
    if not tables:
        return
    parts = [table.assign(variation=name) for name, table in tables.items()]
    write_csv(pd.concat(parts), folder / "ensembles.csv")
    for name in study.ensembles:
        repetitions = {
            variation: each
            for variation, repetition in found.items()
            for each in repetition.ensembles
            if each.name == name and len(each.scores)
        }
        if not repetitions:
            yield Section(f"Ensemble: {name}", "It has not been measured in any repetition yet.")
            continue
        columns = columns_of(
            next(iter(found.values())).results, next(iter(repetitions.values())).scores
        )
        if _is_of_seeds(study):
            yield from _over_seeds(name, repetitions, columns)
        else:
            yield from _side_by_side(name, repetitions, columns)


def _over_seeds(
    name: str, repetitions: Mapping[str, EnsembleResult], columns: Sequence[Column]
) -> Iterator[Block]:
    results = list(repetitions.values())
    scores = results[0].scores
    yield Section(f"Ensemble: {name}", _answer(results, columns[0]))
    heads = ["", *(head(scores, each) for each in columns)]
    rows = [
        [form, *(with_interval(*seed_interval(_means(results, form, each))) for each in columns)]
        for form in FORMS
    ]
    rows += [
        [f"{one} - {other}", *(_difference(results, one, other, each) for each in columns)]
        for one, other in PAIRS
    ]
    yield Table(heads, rows)
    yield Paragraph(
        f"Means over {len(results)} repetitions with other seeds, and half of their 95 % intervals "
        "(Student's t), which need three. 'single' is first the mean over the members. The "
        "differences are paired: each ensemble with the members that it is made of; in brackets, "
        "in how many repetitions the first is higher."
    )
    for sentence in confidence_in_words(_joined(results)):
        yield Paragraph(sentence)


def _side_by_side(
    name: str, repetitions: Mapping[str, EnsembleResult], columns: Sequence[Column]
) -> Iterator[Block]:
    results = list(repetitions.values())
    yield Section(
        f"Ensemble: {name}",
        "The repetitions differ in more than seeds, so each is shown by itself, without an "
        "interval.",
    )
    heads = ["repetition", "", *(head(results[0].scores, each) for each in columns)]
    rows = [
        [variation, form, *(number(mean(result.scores, form, each)) for each in columns)]
        for variation, result in repetitions.items()
        for form in FORMS
    ]
    yield Table(heads, rows)


def _is_of_seeds(study: Study) -> bool:
    """Whether the repetitions differ only by chance."""
    names = {key for settings in study.vary.values() for key in settings}
    return all(name.rpartition(".")[2] == "seed" for name in names)


def _means(results: Sequence[EnsembleResult], form: str, column: Column) -> np.ndarray:
    return np.array([mean(each.scores, form, column) for each in results])


def _difference(results: Sequence[EnsembleResult], one: str, other: str, column: Column) -> str:
    ones, others = _means(results, one, column), _means(results, other, column)
    found = paired(ones, others)
    if found.mean != found.mean:
        return ""
    half = found.half_width if found.pairs >= LEAST_SEEDS else math.nan
    wins = int((ones > others).sum())
    return f"{with_interval(found.mean, half, sign=True)} ({wins} of {found.pairs})"


def _joined(results: Sequence[EnsembleResult]) -> EnsembleResult:
    first = results[0]
    scores = pd.concat([each.scores for each in results])
    return EnsembleResult(first.name, first.method, first.members, scores, [])


def _answer(results: Sequence[EnsembleResult], column: Column) -> str:
    task, metric = column
    ones, all_ = (_means(results, form, column) for form in (SINGLE, ENSEMBLE))
    return (
        f"In {task} {metric}, the ensembles of {results[0].members} have {number(all_.mean())} on "
        f"average and their members {number(ones.mean())}; an ensemble's is higher in "
        f"{int((all_ > ones).sum())} of {len(results)} repetitions."
    )
