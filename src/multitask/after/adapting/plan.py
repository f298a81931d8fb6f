"""The settings of a comparison: numbers of labels, episodes and learners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multitask.configuration.written_arguments import whole_number
from multitask.errors import InputError, nearest
from multitask.few_shot import AllParameters, FromScratch, HeadOnly, Learner, Prototypes

LEARNERS: dict[str, type[Learner]] = {
    "HeadOnly": HeadOnly,
    "Prototypes": Prototypes,
    "AllParameters": AllParameters,
    "FromScratch": FromScratch,
}
"""Learners by the name that the user gives."""
SHOTS, EPISODES, SAMPLES = "1,5,20", "10", "1000"
ALL = "all"


@dataclass(frozen=True)
class Plan:
    """Settings of a comparison.

    Args:
        shots: increasing numbers of labels per class, or of samples.
        episodes: number of episodes.
        learners: names in `LEARNERS`.
        samples: largest number of samples in the query set; None for all.
        is_chosen: whether the user has chosen the learners, so that each must fit the task.
    """

    shots: Sequence[int]
    episodes: int
    learners: Sequence[str]
    samples: int | None
    is_chosen: bool


def read_plan(shots: str, episodes: str, samples: str, learners: str | None = None) -> Plan:
    """Parse the user's options.

    Args:
        shots: integers separated by commas.
        episodes: an integer.
        samples: an integer, or ``all``.
        learners: names separated by commas; default: all.

    Raises:
        InputError: with the option, and what would be valid.
    """
    given = list(LEARNERS) if learners is None else [each for each in learners.split(",") if each]
    for each in given:
        if each not in LEARNERS:
            raise InputError(f"--learners: there is no learner '{each}'{nearest(each, LEARNERS)}")
    if not given:
        raise InputError(f"--learners is empty; choose from {', '.join(LEARNERS)}")
    return Plan(
        sorted({whole_number("shots", each.strip()) for each in shots.split(",")}),
        whole_number("episodes", episodes),
        list(dict.fromkeys(given)),
        None if samples == ALL else whole_number("samples", samples, f", or {ALL}"),
        learners is not None,
    )
