"""Results of a calibration, one sentence each."""

from __future__ import annotations

from math import log

from multitask.after.calibrating.calibration import CalibratedTask, Calibration
from multitask.pages.words import listed

ALIKE = 0.05
"""Smallest logarithm of a temperature that changes probabilities noticeably."""
NAMES = {
    "nll": "NLL",
    "brier": "Brier score",
    "ece": "ECE",
    "coverage": "coverage",
    "interval_width": "interval width",
}
"""Metrics that are shown, in order."""


def sentences(found: Calibration) -> list[str]:
    """Describe the results.

    Args:
        found: a calibration.
    """
    told = [in_words(found, name) for name in found.tasks]
    if found.left:
        told.append(f"Left as they are, since they are not calibrated: {listed(found.left)}.")
    return [*told, *remarks(found)]


def remarks(found: Calibration) -> list[str]:
    """Remarks on the samples for the user.

    Args:
        found: a calibration.
    """
    told = [*found.fit.remarks, *found.remarks]
    if found.show is None:
        told.append(
            "There are no other labelled images, so the results are on those that were fitted to, "
            f"{found.fit.in_sentence}, and look better than they are."
        )
    return told


def in_words(found: Calibration, name: str) -> str:
    """Describe the result for a task.

    Args:
        found: a calibration.
        name: name of the task.
    """
    each = found.tasks[name]
    where = f"on {(found.show or found.fit).in_sentence}"
    if "temperature" in each.told:
        return f"{name}: {_of_classes(each, where)}"
    return f"{name}: {_of_numbers(each, where)}"


def _of_classes(each: CalibratedTask, where: str) -> str:
    temperature = each.told["temperature"]
    if abs(log(temperature)) < ALIKE:
        what = "as confident as it should be"
    else:
        what = "over-confident" if temperature > 1 else "under-confident"
    said = f"{what}, temperature {temperature:.3g} from {each.fitted:,} labels"
    before, after = each.before.metrics, each.after.metrics
    if not before:
        return f"{said}; there are no labels {where} to show its effect."
    changes = ", ".join(
        f"{NAMES[key]} {before[key]:.3g} → {after[key]:.3g}" for key in ("ece", "nll", "brier")
    )
    return (
        f"{said}. {where[:1].upper()}{where[1:]} the chosen class had a probability of "
        f"{before['confidence']:.3g} on average, now {after['confidence']:.3g}, and "
        f"{before['accuracy']:.3f} of them are right; {changes}."
    )


def _of_numbers(each: CalibratedTask, where: str) -> str:
    level = f"{each.told['level']:.3g}"
    unit = getattr(each.task, "unit", "").strip()
    said = f"intervals for the share {level} of the values, from {each.fitted:,} labels"
    before, after = each.before.metrics, each.after.metrics
    if not after:
        return f"{said}; there are no labels {where} to show what they cover."
    width = f"{after['interval_width']:.3g}{f' {unit}' if unit else ''}"
    now = f"they cover {after['coverage']:.3g} {where} and are {width} wide on average"
    if not before:
        return f"{said}; {now}."
    was = f"{before['interval_width']:.3g}{f' {unit}' if unit else ''}"
    is_low = before["coverage"] < each.told["level"]
    side = "over-confident" if is_low else "under-confident"
    if abs(before["coverage"] - each.told["level"]) < ALIKE / 2:
        side = "about right"
    return f"{said}; {now}; before, {side}, {before['coverage']:.3g} and {was}."
