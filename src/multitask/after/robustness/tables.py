"""Results of a robustness measurement as a table for programs and spreadsheets."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path
from typing import Any

from pandas import DataFrame

from multitask.after.robustness.measurement import Measured, Robustness
from multitask.after.robustness.sanity import warnings_of
from multitask.robustness.corruptions import Corruption


def robustness_table(found: Robustness) -> DataFrame:
    """A table with a row for each metric of each task under each change.

    Args:
        found: results of the measurement.

    Returns:
        Columns ``change`` (``none``, ``attack`` or the kind of corruption), ``norm``, ``size``
        (eps, or the corruption's strength), ``severity``, ``steps``, ``restarts``, ``attacked``
        (the attacked tasks), ``task``, ``metric``, ``value``, ``low``, ``high`` (of the 95 %
        interval), ``n`` (samples with a label).
    """
    several = [found.clean, *found.attacked, *found.alone, *found.corrupted]
    if found.one_step is not None:
        several.append(found.one_step)
    rows = [
        {
            **_told(measured),
            "task": task,
            "metric": metric,
            "value": each.value,
            "low": each.low,
            "high": each.high,
            "n": results.labelled,
        }
        for measured in several
        for task, results in measured.results.tasks.items()
        for metric, each in results.estimates.items()
    ]
    return DataFrame(rows)


def _told(measured: Measured) -> dict[str, Any]:
    change = measured.change
    told: dict[str, Any] = dict.fromkeys(
        ("change", "norm", "size", "severity", "steps", "restarts", "attacked")
    )
    if change is None:
        return {**told, "change": "none"}
    if isinstance(change, Corruption):
        own = {"change": change.kind, "size": change.strength, "severity": change.severity}
        return {**told, **own}
    return {
        **told,
        "change": "attack",
        "norm": change.norm,
        "size": change.eps,
        "steps": change.steps,
        "restarts": change.restarts,
        "attacked": " ".join(change.tasks or ()),
    }


def write_json(found: Robustness, path: Path) -> None:
    """Write the settings, the results and the warnings.

    Args:
        found: results of the measurement.
        path: path of the file.
    """
    rows = robustness_table(found).astype(object).to_dict("records")
    content = {
        "samples": len(found.clean.results.samples),
        "plan": {name: _plain(each) for name, each in vars(found.plan).items()},
        "headlines": {task: found.headline(task) for task in found.tasks},
        "higher_is_better": {task: found.higher_is_better(task) for task in found.tasks},
        "warnings": warnings_of(found),
        "metrics": [{key: _finite(each) for key, each in row.items()} for row in rows],
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _finite(value: Any) -> Any:
    # JSON has no NaN.
    is_broken = isinstance(value, float) and not isfinite(value)
    return None if is_broken else value
