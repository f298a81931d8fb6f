"""Results of an adaptation as tables for people and programs."""

from __future__ import annotations

import json
from math import floor, isfinite, log10
from pathlib import Path
from typing import Any

from pandas import DataFrame
from rich.markup import escape

from multitask.after.adapting.adaptation import Adaptation
from multitask.after.evaluating.evaluation_report import number
from multitask.after.evaluating.screen_tables import new_table
from multitask.pages.screen_table import print_tables
from multitask.pages.words import arrow


def adaptation_table(found: Adaptation) -> DataFrame:
    """A table with a row for each metric of each learner and number of shots.

    Args:
        found: results of the adaptation.

    Returns:
        Columns ``task``, ``learner``, ``shots``, ``metric``, ``mean`` over episodes, ``half_width``
        of its 95 % interval, ``episodes``.
    """
    rows = [
        {
            "task": found.new.name,
            "learner": learner,
            "shots": shots,
            "metric": metric,
            **dict(
                zip(("mean", "half_width"), found.interval(learner, shots, metric), strict=True)
            ),
            "episodes": found.plan.episodes,
        }
        for learner in found.names
        for shots in found.plan.shots
        for metric in found.metrics
    ]
    return DataFrame(rows)


def episodes_table(found: Adaptation) -> DataFrame:
    """A table with a row for each metric of each learner in each episode.

    Its columns are ``task``, ``learner``, ``shots``, ``episode``, ``metric`` and ``value``.

    Args:
        found: results of the adaptation.
    """
    rows = [
        {
            "task": found.new.name,
            "learner": each.learner,
            "shots": each.shots,
            "episode": each.episode,
            "metric": metric,
            "value": each.metrics.get(metric),
        }
        for each in found.outcomes
        for metric in found.metrics
    ]
    return DataFrame(rows)


def cells(found: Adaptation, metric: str | None = None) -> list[list[str]]:
    """A row for each learner: its name, and a metric for each number of shots.

    Args:
        found: results of the adaptation.
        metric: name of the metric; default: the headline metric.
    """
    shown = metric or found.headline
    return [
        [name, *(_cell(*found.interval(name, shots, shown)) for shots in found.plan.shots)]
        for name in found.names
    ]


def heads(found: Adaptation) -> list[str]:
    """Headings of the columns of `cells`."""
    return ["learner", *(f"k = {shots:,}" for shots in found.plan.shots)]


def caption(found: Adaptation) -> str:
    """Caption of the table of `cells`."""
    better = arrow(found.higher_is_better[found.headline])
    return f"{found.new.name}: {found.headline} {better}".strip()


def show_adaptation(found: Adaptation) -> str:
    """Print the headline metric of each learner, and return the printed text without colours.

    Args:
        found: results of the adaptation.
    """
    first, *others = heads(found)
    table = new_table(caption(found), [first], others)
    for row in cells(found):
        table.add_row(*map(escape, row))
    return print_tables([table])


def write_json(found: Adaptation, path: Path) -> None:
    """Write the settings and the results.

    Args:
        found: results of the adaptation.
        path: path of the file.
    """
    content = {
        "checkpoint": str(found.trained.source),
        "task": found.new.name,
        "headline": found.headline,
        "higher_is_better": found.higher_is_better,
        "shots": list(found.plan.shots),
        "episodes": found.plan.episodes,
        "learners": {each.name: vars(each) for each in found.learners.values()},
        "query_samples": len(found.sets.query),
        "remarks": found.remarks,
        "results": _plain(adaptation_table(found)),
        "by_episode": _plain(episodes_table(found)),
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def _cell(mean: float, half_width: float) -> str:
    if not half_width > 0 or not isfinite(mean):
        return number(mean)
    # Round both to the second digit of the half-width.
    digits = max(0, 1 - floor(log10(half_width)))
    return f"{mean:,.{digits}f} ± {half_width:,.{digits}f}"


def _plain(table: DataFrame) -> list[dict[str, Any]]:
    # JSON has no NaN.
    return [
        {
            key: None if isinstance(each, float) and not isfinite(each) else each
            for key, each in row.items()
        }
        for row in table.astype(object).to_dict("records")
    ]
