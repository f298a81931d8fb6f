"""Results of an evaluation as tables, for programs and spreadsheets."""

from __future__ import annotations

from typing import Any

import numpy as np
from pandas import DataFrame
from torch import Tensor

from multitask.after.evaluating.comparison import Change
from multitask.after.evaluating.evaluation import Results
from multitask.after.trained_model import IMAGE
from multitask.data.faces import one_line
from multitask.tasks import Classification, Regression
from multitask.tasks.naming import distinct, element_names

MATRIX = 2


def metrics_table(results: Results) -> DataFrame:
    """A table with a row for each metric of each task.

    Args:
        results: results of an evaluation.

    Returns:
        Columns ``task``, ``metric``, ``value``, ``low``, ``high`` (of the 95 % interval), ``n``
        (samples with a label), ``groups`` (with a label, if groups were drawn), ``trivial`` (for
        the predictor that uses no input) and ``note`` (why there is no interval).
    """
    is_grouped = results.samples.groups is not None
    rows = [
        {
            "task": task,
            "metric": metric,
            "value": each.value,
            "low": each.low,
            "high": each.high,
            "n": found.labelled,
            "groups": found.units if is_grouped else None,
            "trivial": found.trivial.get(metric),
            "note": each.why,
        }
        for task, found in results.tasks.items()
        for metric, each in found.estimates.items()
    ]
    return DataFrame(rows)


def differences_table(changes: list[Change]) -> DataFrame:
    """A table with a row for each metric that two models share.

    Args:
        changes: see `multitask.after.evaluating.comparison.compare`.
    """
    rows = [{**vars(each), "difference": each.difference} for each in changes]
    order = ["task", "metric", "value", "other", "difference", "low", "high", "p_value"]
    table = DataFrame(rows, columns=[*order, "adjusted", "why"])
    return table.rename(columns={"adjusted": "p_holm", "why": "note"})


def predictions_table(results: Results) -> DataFrame:
    """A table with a row for each sample: name, texts, and each task's prediction, target and loss.

    Args:
        results: results of an evaluation.

    Returns:
        For tasks of maps, there are only losses. Other tasks also have predictions and targets, but
        only for the first samples if there are too many to keep.
    """
    samples = results.samples
    columns: dict[str, Any] = {}
    if samples.numbers is not None:
        columns["row"] = samples.numbers
    if samples.names is None:
        columns["index"] = list(range(len(samples)))
    elif IMAGE in samples.inputs:
        columns["file"] = samples.names
    elif samples.numbers is None:
        columns["name"] = samples.names
    for name, texts in samples.texts.items():
        columns[name] = [one_line(each) for each in texts]
    if samples.groups is not None:
        columns["group"] = list(samples.groups.values)
    if results.seen is not None:
        columns["trained_on"] = results.seen
    for name, found in results.tasks.items():
        if isinstance(found.predictions, Tensor) and found.predictions.ndim <= MATRIX:
            cells = _cells(results, name, found.predictions, found.targets)
            columns |= {key: _padded(each, len(samples)) for key, each in cells.items()}
        columns[f"{name}.loss"] = found.losses
    return DataFrame(columns)


def _cells(results: Results, name: str, prediction: Tensor, target: Tensor) -> dict[str, list[Any]]:
    task = results.named_tasks[name]
    known = task.known(target).tolist()
    if isinstance(task, Classification):
        label, classes = prediction.argmax(1).tolist(), task.classes
        true = [
            classes[each] if has else None for each, has in zip(target.tolist(), known, strict=True)
        ]
        return {
            name: [classes[each] for each in label],
            f"{name}.probability": prediction.amax(1).tolist(),
            f"{name}.target": true,
        }
    if not isinstance(task, Regression):
        own = task.columns(name, prediction) | task.target_columns(name, target)
        return {key: each if isinstance(each, list) else each.tolist() for key, each in own.items()}
    rows = target.reshape(len(target), task.size)
    if task.size == 1:
        return {name: prediction[:, 0].tolist(), f"{name}.target": rows[:, 0].tolist()}
    elements = element_names(task, results.samples.elements.get(name)) or list(
        map(str, range(task.size))
    )
    found: dict[str, list[Any]] = {}
    for place, element in enumerate(distinct(elements)):
        found[f"{name}.{element}"] = prediction[:, place].tolist()
        found[f"{name}.{element}.target"] = rows[:, place].tolist()
    return found


def _padded(cells: list[Any], size: int) -> np.ndarray[Any, Any]:
    found = np.full(size, None, dtype=object)
    found[: len(cells)] = [None if each != each else each for each in cells]
    return found
