"""Fixed weights, tuned by random search on the validation set."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from multitask.study.plan import PlannedRun, Study, weighted


def trials(study: Study) -> Iterator[PlannedRun]:
    """The trials, which are the same on each call; the first has equal weights."""
    for trial in range(study.tuning.trials):
        yield weighted(study, _drawn(study, trial), study.seeds[0], trial)


def chosen(study: Study, scores: dict[int, float]) -> Iterator[PlannedRun]:
    """The runs with the weights of the best trial, for all seeds.

    Args:
        study: the study.
        scores: best ``val/score`` by trial, without trials that failed.
    """
    if scores:
        best = max(scores, key=lambda trial: scores[trial])
        for seed in study.seeds:
            yield weighted(study, _drawn(study, best), seed, None)


def _drawn(study: Study, trial: int) -> dict[str, float]:
    low, high = math.log(study.tuning.lowest), math.log(study.tuning.highest)
    generator = random.Random(f"{study.name} {trial}")
    return {
        task: round(math.exp(generator.uniform(low, high)), 4) if trial else 1.0
        for task in study.tasks
    }
