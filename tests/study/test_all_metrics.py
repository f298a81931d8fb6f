"""Delta-m over all metrics is that of published tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from multitask.errors import InputError
from multitask.pages.blocks import Paragraph, Table
from multitask.study.all_metrics import drop, drop_table
from multitask.study.delta_m import DeltaM
from multitask.study.plan import SINGLE_TASK, Method, Study
from multitask.study.results import Results
from multitask.study.study_file import make_study

LOWER = {"absolute", "relative", "mean", "median"}
NYU = {
    "segmentation": ["iou", "accuracy"],
    "depth": ["absolute", "relative"],
    "normals": ["mean", "median", "within_11", "within_22", "within_30"],
}
NYU_BASE = [0.3830, 0.6376, 0.6754, 0.2780, 25.01, 19.21, 0.3014, 0.5720, 0.6915]
CITIES = {"segmentation": ["iou", "accuracy"], "depth": ["absolute", "relative"]}
CITIES_BASE = [0.7401, 0.9316, 0.0125, 27.77]
# As Nash-MTL (Navon et al., 2022) and FAMO (Liu et al., 2023) print them, means over three seeds.
PUBLISHED: list[tuple[dict[str, list[str]], list[float], list[float], float]] = [
    (NYU, NYU_BASE, [0.3979, 0.6549, 0.5486, 0.2250, 26.31, 21.58, 0.2561, 0.5236, 0.6558], 0.20),
    (NYU, NYU_BASE, [0.3929, 0.6533, 0.5493, 0.2263, 28.15, 23.96, 0.2209, 0.4750, 0.6108], 5.59),
    (NYU, NYU_BASE, [0.3047, 0.5990, 0.6070, 0.2555, 24.88, 19.45, 0.2918, 0.5688, 0.6936], 1.38),
    (NYU, NYU_BASE, [0.4013, 0.6593, 0.5261, 0.2171, 25.26, 20.08, 0.2840, 0.5547, 0.6815], -4.04),
    (NYU, NYU_BASE, [0.3888, 0.6490, 0.5474, 0.2194, 25.06, 19.57, 0.2921, 0.5661, 0.6898], -4.10),
    (CITIES, CITIES_BASE, [0.7516, 0.9348, 0.0141, 37.60], 11.64),
    (CITIES, CITIES_BASE, [0.7541, 0.9366, 0.0129, 35.02], 6.82),
    (CITIES, CITIES_BASE, [0.7454, 0.9329, 0.0145, 32.59], 8.13),
]


def by_task(metrics: dict[str, list[str]], numbers: list[float]) -> dict[str, list[float]]:
    """A row of a published table as the study's ``base`` has it."""
    left = iter(numbers)
    return {task: [next(left) for _ in names] for task, names in metrics.items()}


def found(
    folder: Path, asked: DeltaM, rows: dict[str, list[list[float]]], seeds: int = 1
) -> Results:
    """Results of a study in which each task is compared by its first metric."""
    experiment = folder / "experiment.yaml"
    experiment.write_text(
        yaml.safe_dump({"model": {"tasks": {each: {} for each in asked.metrics}}})
    )
    study = Study(str(experiment), [*range(seeds)], {"both": Method()}, delta_m=asked)
    scores, further = [], []
    for method, each in rows.items():
        for seed, numbers in enumerate(each):
            for task, values in by_task(asked.metrics, numbers).items():
                for place, (metric, value) in enumerate(
                    zip(asked.metrics[task], values, strict=True)
                ):
                    row: dict[str, Any] = {"method": method, "part": "", "seed": seed}
                    row |= {"task": task, "value": value}
                    scores += [] if place else [row]
                    row = {**row, "metric": metric, "higher_is_better": metric not in LOWER}
                    further += [row] if place else []
    first = {task: names[0] for task, names in asked.metrics.items()}
    directions = {task: metric not in LOWER for task, metric in first.items()}
    frames = pd.DataFrame(scores), pd.DataFrame(further)
    return Results(study, first, directions, *frames, pd.DataFrame(), pd.DataFrame())


@pytest.mark.parametrize(("metrics", "base", "row", "delta"), PUBLISHED)
def test_published_rows_are_reproduced(
    tmp_path: Path,
    metrics: dict[str, list[str]],
    base: list[float],
    row: list[float],
    delta: float,
) -> None:
    asked = DeltaM(metrics, base=by_task(metrics, base))
    table = drop(found(tmp_path, asked, {"both": [row]}))
    # The tables round each metric, and the smallest of them, .0125, to 1 in 250.
    assert table.loc["both", "delta_m"] == pytest.approx(delta, abs=0.02 if len(base) > 4 else 0.35)


def test_the_base_is_by_default_the_single_task_network_of_the_same_seed(tmp_path: Path) -> None:
    rows = {
        SINGLE_TASK: [[0.5, 0.5, 2, 4], [0.4, 0.8, 1, 4]],
        "both": [[0.6, 0.5, 2, 3], [0.4, 0.4, 2, 4]],
    }
    results = found(tmp_path, DeltaM(CITIES), rows, seeds=2)
    # By hand, better is positive: 20, 0, 0 and 25 %; then 0, -50, -100 and 0 %.
    assert drop(results)["delta_m"].tolist() == pytest.approx([0, -(45 / 4 - 150 / 4) / 2])
    text = str(list(drop_table(results)))
    assert "Delta-m, % ↓" in text
    assert "single-task networks of the same seed; lower is better" in text


def test_the_mean_may_be_over_tasks_and_higher_be_better(tmp_path: Path) -> None:
    metrics = {"segmentation": ["iou"], "depth": ["absolute", "relative"]}
    asked = DeltaM(metrics, "tasks", "higher", {"segmentation": [0.5], "depth": [2.0, 4.0]})
    results = found(tmp_path, asked, {"both": [[0.6, 1.0, 3.0]]})
    assert drop(results).loc["both", "delta_m"] == pytest.approx((20 + (50 + 25) / 2) / 2)
    _, table, said = drop_table(results)
    assert isinstance(table, Table)
    assert isinstance(said, Paragraph)
    assert "numbers in base; higher is better" in str(said)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"metrics": {}}, "metrics is empty"),
        ({"metrics": {"dept": ["iou"]}}, "no task 'dept'; did you mean 'depth'"),
        ({"metrics": {"depth": ["mae", "mae"]}}, "'mae' twice"),
        ({"metrics": {"depth": ["mae"]}, "base": {"depth": [1, 2]}}, "2 numbers for 'depth'"),
        ({"metrics": {"depth": ["mae"]}, "base": {"depth": [0.0]}}, "other than 0"),
        ({"metrics": {"depth": ["mae"]}, "average": "task"}, "average|task"),
        ({"metrics": {"depth": ["mae"]}, "bases": {}}, "no 'bases'; did you mean 'base'"),
        ({"average": "tasks"}, "metrics is missing"),
    ],
)
def test_what_cannot_be_computed_is_refused(
    tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    experiment = tmp_path / "experiment.yaml"
    experiment.write_text(yaml.safe_dump({"model": {"tasks": {"depth": {}, "kind": {}}}}))
    content = {
        "experiment": str(experiment),
        "seeds": [0],
        "methods": {"both": {}},
        "delta_m": given,
    }
    with pytest.raises(InputError, match=words):
        make_study(tmp_path / "study.yaml", content, dict.fromkeys(content, "study.yaml, line 1"))


def test_without_baselines_a_base_is_needed(tmp_path: Path) -> None:
    experiment = tmp_path / "experiment.yaml"
    experiment.write_text(yaml.safe_dump({"model": {"tasks": {"depth": {}}}}))
    with pytest.raises(InputError, match=r"give delta_m\.base"):
        Study(str(experiment), [0], {}, delta_m=DeltaM({"depth": ["mae"]}), baselines=False)
