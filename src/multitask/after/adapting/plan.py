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
"""By the name that a person writes."""
SHOTS, EPISODES, SAMPLES = "1,5,20", "10", "1000"
ALL = "all"


@dataclass(frozen=True)
class Plan:
    """What to compare.

    Args:
        shots: labels of each class, or samples, rising.
        episodes: how often they are drawn.
        learners: names of `LEARNERS`.
        samples: of the query set at most; None for all.
        is_chosen: whether a person has chosen the learners, so that each must fit the task.
    """

    shots: Sequence[int]
    episodes: int
    learners: Sequence[str]
    samples: int | None
    is_chosen: bool


def read_plan(shots: str, episodes: str, samples: str, learners: str | None = None) -> Plan:
    """Read what a person wrote.

    Args:
        shots: whole numbers, with commas between them.
        episodes: a whole number.
        samples: a whole number, or ``all``.
        learners: names, with commas between them; default: all.

    Raises:
        InputError: naming the option, and what would be right.
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
