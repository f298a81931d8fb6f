"""Results of a robustness measurement, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

from multitask.after.evaluating.evaluation_report import number
from multitask.after.robustness.drawings import by_kind
from multitask.after.robustness.measurement import Measured, Robustness
from multitask.after.robustness.sanity import size_in_words, warnings_of
from multitask.pages.words import counted
from multitask.robustness.attack import Attack

MOST_TOLD = 4


def of_attacks(found: Robustness) -> str:
    """The loss of each task's metric under the attack of the middle size."""
    first = [each for each in found.attacked if size_in_words(each) == _middle(found)]
    return f"Under {_middle(found)}: {_falls(found, first[0])}."


def _middle(found: Robustness) -> str:
    # The attacks on one task and the one-step attack have the same size.
    assert found.one_step is not None
    return size_in_words(found.one_step)


def _falls(found: Robustness, measured: Measured) -> str:
    told = [
        f"{task} {found.headline(task)} {number(found.estimate(measured, task).value) or 'unknown'}"
        f" instead of {number(found.estimate(found.clean, task).value) or 'unknown'}"
        for task in found.tasks[:MOST_TOLD]
    ]
    rest = len(found.tasks) - MOST_TOLD
    return "; ".join([*told, *([f"and {rest} more tasks"] if rest > 0 else [])])


def of_alone(found: Robustness) -> str:
    """The attack that harms each task most."""
    joint = [each for each in found.attacked if size_in_words(each) == _middle(found)]
    told = []
    for task in found.tasks[:MOST_TOLD]:
        worst = _worst(found, task, [*found.alone, *joint])
        if worst is not None:
            told.append(
                f"{task} is hurt most by the attack on {_on(worst, task, len(found.tasks))}"
            )
    return f"{'; '.join(told)}." if told else "No task has a label."


def _worst(found: Robustness, task: str, several: Sequence[Measured]) -> Measured | None:
    sign = 1 if found.higher_is_better(task) else -1
    values = [(sign * found.estimate(each, task).value, each) for each in several]
    known = [pair for pair in values if pair[0] == pair[0]]
    return min(known, key=lambda pair: pair[0])[1] if known else None


def _on(measured: Measured, task: str, tasks: int) -> str:
    change = measured.change
    attacked = list(change.tasks or ()) if isinstance(change, Attack) else []
    if attacked == [task]:
        return "it alone"
    return "all tasks together" if len(attacked) == tasks else f"{', '.join(attacked)} alone"


def of_strength(found: Robustness) -> str:
    """Whether there are signs that the attacks were too weak."""
    told = warnings_of(found)
    if told:
        return f"Perhaps not: {counted(len(told), 'sign')} that the attacks may have failed."
    return "Nothing suggests otherwise: larger attacks and more steps do more harm."


def of_corruptions(found: Robustness) -> str:
    """The kind of corruption that harms each task most."""
    kinds = by_kind(found.corrupted)
    told = []
    for task in found.tasks[:MOST_TOLD]:
        sign = 1 if found.higher_is_better(task) else -1
        means = {kind: severity_mean(found, task, each) for kind, each in kinds.items()}
        known = {kind: value for kind, value in means.items() if value == value}
        if known:
            worst = min(known, key=lambda kind: sign * known[kind])
            mean = sum(known.values()) / len(known)
            told.append(
                f"{task} {found.headline(task)} is {number(mean)} on average instead of "
                f"{number(found.estimate(found.clean, task).value)}, and {worst} is worst "
                f"({number(known[worst])})"
            )
    return f"{'; '.join(told)}." if told else "No task has a label."


def severity_mean(found: Robustness, task: str, several: Sequence[Measured]) -> float:
    """The mean of a task's headline metric over severities; NaN if one is unknown."""
    values = [found.estimate(each, task).value for each in several]
    return sum(values) / len(values) if values else nan
