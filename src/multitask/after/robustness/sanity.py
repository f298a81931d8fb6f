"""Checks of whether attacks were strong enough to be meaningful.

A model can appear robust because attacks fail, not because it is: its gradients vanish or are
uninformative (Athalye et al., 2018; https://arxiv.org/abs/1802.00420). Carlini et al. (2019;
https://arxiv.org/abs/1902.06705) list the symptoms.
"""

from __future__ import annotations

from collections.abc import Iterator

from multitask.after.robustness.measurement import Measured, Robustness
from multitask.pages.words import counted, listed

SURE = 1e-6
"""Relative difference of losses that is larger than rounding errors."""


def warnings_of(found: Robustness) -> list[str]:
    """Signs that the attacks were too weak, in sentences; empty if there are none.

    Args:
        found: results of the measurement.
    """
    if not found.attacked:
        return []
    return [*_no_gradient(found), *_no_gain_by_steps(found), *_no_loss_by_size(found)]


def _no_gradient(found: Robustness) -> Iterator[str]:
    first = found.one_step
    if first is not None and first.unchanged:
        yield (
            f"{counted(first.unchanged, 'image')} of {len(first.results.samples):,} could not be "
            "attacked, because the gradient of the loss is exactly 0 there: the network may hide "
            "its gradients, or its numbers are too coarse"
        )


def _no_gain_by_steps(found: Robustness) -> Iterator[str]:
    first = found.one_step
    if first is None or found.plan.steps == 1:
        return
    same = [each for each in found.attacked if _size(each) == _size(first)]
    for each in same:
        if each.loss <= first.loss * (1 + SURE):
            yield (
                f"{found.plan.steps} steps of {size_in_words(each)} do no more harm than one, and "
                "they should: the gradients may mislead the attack"
            )


def _no_loss_by_size(found: Robustness) -> Iterator[str]:
    for norm in ("inf", "2"):
        several = [each for each in found.attacked if _size(each)[0] == norm]
        if len(several) > 1:
            stuck = [task for task in found.tasks if _stays(found, task, several)]
            if stuck:
                yield (
                    f"{listed(stuck)} {'does' if len(stuck) == 1 else 'do'} not get worse from "
                    f"{size_in_words(several[0])} to {size_in_words(several[-1])}, as "
                    f"{'it' if len(stuck) == 1 else 'they'} should: the attacks may have failed"
                )


def _stays(found: Robustness, task: str, several: list[Measured]) -> bool:
    values = [found.estimate(each, task).value for each in (several[0], several[-1])]
    if any(value != value for value in values):
        return False
    sign = 1 if found.higher_is_better(task) else -1
    trivial = found.clean.results.tasks[task].trivial.get(found.headline(task))
    # A metric that is as bad as without any image need not get worse.
    is_broken = trivial is not None and sign * values[0] <= sign * trivial
    return not is_broken and sign * values[1] >= sign * values[0]


def _size(measured: Measured) -> tuple[str, float]:
    change = measured.change
    return str(getattr(change, "norm", "")), float(getattr(change, "eps", 0.0))


def size_in_words(measured: Measured) -> str:
    """The size of an attack, such as ``L-inf 0.02``."""
    norm, eps = _size(measured)
    return f"L-{norm} {eps:g}" if norm == "inf" else f"L{norm} {eps:g}"
