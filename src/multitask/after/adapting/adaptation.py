"""Results of adapting a run to a new task with few labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan

import torch
from torch import Tensor

from multitask.after.adapting.new_task import NewTask
from multitask.after.adapting.plan import Plan
from multitask.after.adapting.sets import Sets
from multitask.after.trained_model import TrainedModel
from multitask.few_shot import Adapted, Learner
from multitask.study.statistics import seed_interval

TRIVIAL = "trivial predictor"
"""Name of the predictor that uses the support set's targets, but no input."""
LOSS = "loss"


@dataclass(frozen=True)
class Outcome:
    """The result of a learner on one support set.

    Args:
        learner: name of the learner.
        shots: number of labels per class, or number of samples.
        episode: number of the episode, from 1; all learners get the same support set.
        metrics: metrics on the query set, in original units, by name.
    """

    learner: str
    shots: int
    episode: int
    metrics: Mapping[str, float]


@dataclass
class Adaptation:
    """Results of an adaptation.

    Args:
        trained: the run's model.
        new: the task and its data.
        plan: the settings of the comparison.
        sets: the query set, and the samples that support sets are drawn from.
        learners: learners by name.
        outcomes: the outcome of each learner, number of shots and episode.
        higher_is_better: whether higher is better, by metric; None if neither direction is.
        remarks: remarks for the user, in sentences.
        adapted: by the learner's name, its network from the first episode with the most shots.
        support: indices of the samples that these networks have seen.
    """

    trained: TrainedModel
    new: NewTask
    plan: Plan
    sets: Sets
    learners: dict[str, Learner]
    outcomes: list[Outcome] = field(default_factory=list)
    higher_is_better: dict[str, bool | None] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    adapted: dict[str, Adapted] = field(default_factory=dict)
    support: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))

    @property
    def headline(self) -> str:
        """The task's headline metric."""
        named = self.new.task.headline
        return named if named in self.higher_is_better else LOSS

    @property
    def metrics(self) -> list[str]:
        """Names of all metrics."""
        return list(self.higher_is_better)

    @property
    def names(self) -> list[str]:
        """The learners, and the trivial predictor if the task has one."""
        return list(dict.fromkeys(each.learner for each in self.outcomes))

    def values(self, learner: str, shots: int, metric: str) -> list[float]:
        """A learner's results by episode; NaN if one is undefined."""
        return [
            each.metrics.get(metric, nan)
            for each in self.outcomes
            if (each.learner, each.shots) == (learner, shots)
        ]

    def interval(self, learner: str, shots: int, metric: str) -> tuple[float, float]:
        """The mean over episodes and half of its 95 % interval, NaN with fewer than three."""
        return seed_interval(self.values(learner, shots, metric))
