"""The tables say what the runs found."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from matplotlib.figure import Figure
from scipy import stats

from multitask.pages.blocks import Heading, Table
from multitask.study.comparison import (
    affinities,
    between_methods,
    costs,
    differences,
    further_scores,
    lookahead,
    scores,
)
from multitask.study.figures import draw
from multitask.study.plan import SINGLE_TASK, Method, PlannedRun, Study
from multitask.study.report import write_report
from multitask.study.results import Results, collect
from multitask.study.size_table import size_table
from multitask.study.variation import write_variation

# By method and task, a value for each seed.
VALUES: dict[str, dict[str, list[float]]] = {
    SINGLE_TASK: {"kind": [0.5, 0.6, 0.7], "size": [2.0, 4.0, 3.0]},
    "both": {"kind": [0.6, 0.75, 0.77], "size": [3.0, 5.0, 3.0]},
}
COST = {"seconds": 2.0, "steps": 10, "forward_passes": 10, "backward_passes": 10}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Finished runs of two methods, one failed and one missing."""
    experiment = tmp_path / "experiment.yaml"
    experiment.write_text(yaml.safe_dump({"model": {"tasks": {"kind": {}, "size": {}}}}))
    methods = {"both": Method(tasks=["kind", "size"]), "broken": Method()}
    study = Study(
        str(experiment),
        [0, 1, 2],
        methods,
        metrics={"size": "mae"},
        further_metrics={"kind": ["calibration_error"]},
        comparisons=[[SINGLE_TASK, "both"]],
        name="small",
    )
    runs, folders, failures = [], {}, {}
    for seed in study.seeds:
        planned = [PlannedRun(SINGLE_TASK, seed, {}, {"t": t}, t) for t in ("kind", "size")]
        planned += [PlannedRun(name, seed, {}, {"m": name}) for name in methods]
        if seed == 0:
            # It only tunes, so it counts for nothing but its cost.
            planned.append(PlannedRun("both", seed, {}, {"trial": 1}, "trial 1", tests=False))
        for run in planned:
            runs.append(run)
            failures[run.place] = "it blew up" if (run.method, seed) == ("broken", 0) else None
            folders[run.place] = (
                None if run.method == "broken" else _finished(tmp_path / run.place, run, seed)
            )
    return collect(study, runs, folders, failures)


def test_runs_that_were_not_tested_are_told(results: Results, tmp_path: Path) -> None:
    runs = [PlannedRun("both", seed, {}, {"m": "both", "s": seed}) for seed in (0, 1)]
    folders = {run.place: _finished(tmp_path / run.place, run, run.seed) for run in runs}
    path = folders[runs[1].place] / "summary.json"
    summary = json.loads(path.read_text())
    summary["metrics"] = {"train/kind/loss": 0.1}
    path.write_text(json.dumps(summary))
    failures = dict.fromkeys(folders)
    found = collect(results.study, runs, folders, failures)
    assert list(found.runs["state"]) == ["finished", "untested"]
    assert set(found.scores["seed"]) == {0}
    assert list(found.costs["seed"]) == [0, 1]
    write_report(collect(results.study, runs[1:], folders, failures), tmp_path, {})
    said = (tmp_path / "report.md").read_text()
    assert "1 run with 3 seeds: 1 not tested." in said
    assert "No run has been tested yet." in said
    assert "untested | ended before a validation" in said


def _finished(folder: Path, run: PlannedRun, seed: int) -> Path:
    tasks = [run.part] if run.method == SINGLE_TASK else ["kind", "size"]
    metrics = {"kind": "accuracy", "size": "mae"}
    values = {f"test/{task}/{metrics[task]}": VALUES[run.method][task][seed] for task in tasks}
    error = {"test/kind/calibration_error": 0.1 * seed} if "kind" in tasks else {}
    summary: dict[str, Any] = {
        "metrics": values | error,
        "best_score": 1.0,
        "higher_is_better": {
            "test/kind/accuracy": True,
            "test/size/mae": False,
            "test/kind/calibration_error": False,
        },
        "headlines": {task: {"kind": "accuracy", "size": "r2"}[task] for task in tasks},
        "cost": {
            **COST,
            "parameters": 100,
            "shared_parameters": 80,
            "trainable_parameters": 60,
            "multiply_adds": 1_234,
            "peak_memory": 2**20 * (1 + seed),
        },
    }
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(summary))
    rows = [f"{step},0,val/kind/accuracy,{step / 10}" for step in range(3)]
    rows += [f"{step},0,gradients/{task}/norm,{1 + step}" for step in (0, 1) for task in metrics]
    rows += [f"{step},0,gradients/kind-size/cosine,0.5" for step in (0, 1)]
    if run.method == "both" and run.tests:
        # What counts is the end.
        rows += [f"{step},0,affinity/size/kind,{0.01 * step * (1 + seed)}" for step in (0, 1)]
    (folder / "metrics.csv").write_text("\n".join(["step,epoch,name,value", *rows]))
    return folder


def test_scores_are_means_and_intervals_over_seeds(results: Results) -> None:
    table = scores(results)
    values = VALUES["both"]["kind"]
    assert table.loc["both", "kind"] == pytest.approx(sum(values) / 3)
    half = stats.t.ppf(0.975, 2) * stats.sem(values)
    assert table.loc["both", "kind ±"] == pytest.approx(half)
    # By hand: the accuracy changes by 20, 25 and 10 %, the error by -50, -25 and 0 %.
    expected = [(20 - 50) / 2, (25 - 25) / 2, 10 / 2]
    assert table.loc["both", "delta_m"] == pytest.approx(sum(expected) / 3)
    assert table.loc[SINGLE_TASK, "delta_m"] == 0
    assert table["rank"].tolist() == [1.5, 1.5]


def test_further_metrics_are_shown_and_not_compared(
    results: Results, tmp_path: Path, without_figures: None
) -> None:
    table = further_scores(results)
    assert table.columns.tolist() == ["kind calibration_error", "kind calibration_error ±"]
    assert table.loc["both"].tolist() == pytest.approx([0.1, 0.1 * stats.t.ppf(0.975, 2) / 3**0.5])
    assert results.tasks == ["kind", "size"]
    assert results.values("both", "kind").tolist() == VALUES["both"]["kind"]
    write_report(results, tmp_path, {})
    lines = (tmp_path / "report.md").read_text().splitlines()
    at = lines.index("| method | kind calibration_error ↓ |")
    assert lines[at + 2 : at + 4] == ["| single task | 0.100 ± 0.248 |", "| both | 0.100 ± 0.248 |"]
    assert len(pd.read_csv(tmp_path / "further_values.csv")) == 3 + 3
    # As of a coverage, of which neither end is better.
    results.further["higher_is_better"] = None
    write_report(results, tmp_path, {})
    assert "| method | kind calibration_error |" in (tmp_path / "report.md").read_text()


def test_differences_are_paired_by_seed_and_corrected(results: Results) -> None:
    table = differences(results).set_index("task")
    assert table["difference"].tolist() == pytest.approx([0.32 / 3, 2 / 3])
    reference = stats.ttest_rel(VALUES["both"]["kind"], VALUES[SINGLE_TASK]["kind"])
    assert table.loc["kind", "p"] == pytest.approx(reference.pvalue)
    smaller, larger = sorted(table["p"])
    assert sorted(table["p Holm"]) == pytest.approx([min(2 * smaller, 1), max(2 * smaller, larger)])
    assert table.loc["kind", "wins"] == pytest.approx(7.5 / 9)


def test_methods_are_compared_with_each_other(results: Results) -> None:
    table = between_methods(results).set_index("task")
    reversed_ = differences(results).set_index("task")
    assert table["difference"].tolist() == pytest.approx((-reversed_["difference"]).tolist())
    assert table["p Holm"].tolist() == pytest.approx(reversed_["p Holm"].tolist())
    assert table["wins"].tolist() == pytest.approx((1 - reversed_["wins"]).tolist())


def test_a_variation_draws_each_task_over_its_repetitions(results: Results, tmp_path: Path) -> None:
    study = replace(results.study, vary={"few": {"labels": 5}, "many": {"labels": 50}})
    page = write_variation(study, {"few": results, "many": results}, tmp_path / "all")
    table = pd.read_csv(tmp_path / "all/variation.csv")
    assert len(table) == 2 * 2 * 2
    kind = table[(table["task"] == "kind") & (table["method"] == "both")]
    assert kind["mean"].tolist() == pytest.approx([2.12 / 3] * 2)
    assert "<code>labels: 50</code>" in page.read_text()
    assert page.read_text().count("data:image/png;base64,") == 2


def test_costs_of_single_task_are_those_of_all_its_networks(results: Results) -> None:
    table = costs(results)
    assert table.loc[SINGLE_TASK, ["seconds", "parameters"]].tolist() == [4, 200]
    # Beside three runs of two seconds there is a trial.
    found = table.loc["both", ["seconds", "parameters", "of single task"]].tolist()
    assert found == pytest.approx([8 / 3, 100, 2 / 3])
    assert table.loc["both", "peak_memory"] == 2 * 2**20


def test_the_size_of_a_network_is_no_sum_over_seeds_and_trials(results: Results) -> None:
    heading, table, remarks = size_table(results)
    assert isinstance(heading, Heading)
    assert isinstance(table, Table)
    heads = ["method", "parameters", "shared", "trained", "multiply-adds of a sample"]
    assert list(table.heads) == heads
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["both"] == ["100", "80", "60", "1,234"]
    assert rows[SINGLE_TASK] == ["200", "160", "120", "2,468"]
    assert "is the sum over its networks" in str(remarks)
    sizes = [name for name in results.costs if name.endswith(("parameters", "adds"))]
    unknown = replace(results, costs=results.costs.drop(columns=[s for s in sizes if "_" in s]))
    assert list(size_table(unknown)) == []
    partly = results.costs.copy()
    partly.loc[partly["method"] == "both", "multiply_adds"] = math.nan
    _, table, _ = size_table(replace(results, costs=partly))
    assert isinstance(table, Table)
    assert next(row for row in table.rows if row[0] == "both")[-1] == ""


def test_affinity_is_the_change_by_training_two_tasks_together(results: Results) -> None:
    table = affinities(results)
    assert table.loc["kind", "size"] == pytest.approx(55 / 3)
    assert table.loc["size", "kind"] == pytest.approx(-25)
    assert table.isna().loc["kind", "kind"]


def test_lookahead_is_what_runs_estimated_at_their_end(results: Results) -> None:
    table = lookahead(results)
    assert table.loc["kind", "size"] == pytest.approx(2)
    assert table.isna().loc["size", "kind"]


def test_the_report_marks_differences_that_stay_significant(
    results: Results, tmp_path: Path, without_figures: None
) -> None:
    better = results.scores.copy()
    rows = (better["method"] == "both") & (better["task"] == "kind")
    better.loc[rows, "value"] = [0.6, 0.701, 0.799]
    write_report(replace(results, scores=better), tmp_path, {})
    assert "| both | +0.100 ± 0.002\\* (" in (tmp_path / "report.md").read_text()


def test_the_report_has_every_result_and_every_failure(results: Results, tmp_path: Path) -> None:
    page = write_report(results, tmp_path, {"both, seed 0": ["fit", "--config=a b.yaml"]})
    text, html = (tmp_path / "report.md").read_text(), page.read_text()
    assert "| both | 0.707 ± 0.231 | 3.67 ± 2.87 | -3.33 ± 25.86 | 1.50 |" in text
    assert "| broken | 0 | failed | it blew up |" in text
    assert "| broken | 1 | missing |  |" in text
    assert "multitask fit '--config=a b.yaml'" in text
    assert "13 runs with 3 seeds: 10 finished, 1 failed, 2 not finished." in text
    # Not a star, since p = 0.044 is one of two comparisons.
    assert "| both | +0.107 ± 0.100 (0.83) |" in text
    assert ">0.707 ± 0.231</td>" in html
    figures = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert figures == [
        "affinity.png",
        "delta_m.png",
        "gradients.png",
        "learning.png",
        "lookahead.png",
        "trade_off.png",
    ]
    # One file is enough.
    assert html.count("data:image/png;base64,") == len(figures)
    assert '.png"' not in html
    assert (tmp_path / "scores.csv").read_text().startswith(",kind,kind ±,")


def kept_figures(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """What is saved from now on, by name; the files are empty."""
    drawn: dict[str, Figure] = {}

    def keep(figure: Figure, path: Path, **_: object) -> None:
        drawn[path.name.partition(".")[0]] = figure
        path.touch()

    monkeypatch.setattr(Figure, "savefig", keep)
    return drawn


def test_a_single_validation_is_drawn_as_a_point(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = kept_figures(monkeypatch)
    markers = []
    for rows in (2, 1):
        for folder in filter(None, results.runs["folder"]):
            lines = [f"{step},0,val/kind/accuracy,0.5" for step in range(rows)]
            text = "\n".join(["step,epoch,name,value", *lines])
            (Path(folder) / "metrics.csv").write_text(text)
        draw(results, tmp_path)
        lines = drawn["learning"].axes[0].lines
        markers.append({line.get_marker() for line in lines})
    assert markers == [{"None"}, {"o"}]


def test_the_legend_of_many_methods_lies_inside_its_figure(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = kept_figures(monkeypatch)
    both = results.scores[results.scores["method"] == "both"]
    more = [both.assign(method=f"equal weights {number}") for number in range(12)]
    draw(replace(results, scores=pd.concat([results.scores, *more])), tmp_path)
    for name in ("trade_off", "learning"):
        figure = drawn[name]
        figure.draw_without_rendering()
        box = figure.legends[0].get_window_extent()
        assert box.x0 >= 0, name
        assert box.x1 <= figure.bbox.x1, name


def test_seeds_with_different_numbers_of_steps_meet_at_their_epochs(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = kept_figures(monkeypatch)
    for place, folder in enumerate(filter(None, results.runs["folder"])):
        steps = 10 + 3 * (place % 2)
        rows = [(steps * (epoch + 1) - 1, epoch, 0.1 * (epoch + place % 2)) for epoch in range(3)]
        lines = [f"{step},{epoch},val/kind/accuracy,{value}" for step, epoch, value in rows]
        (Path(folder) / "metrics.csv").write_text("\n".join(["step,epoch,name,value", *lines]))
    draw(results, tmp_path)
    axes = drawn["learning"].axes[0]
    assert axes.get_xlabel() == "epoch"
    named = [line for line in axes.lines if not line.get_label().startswith("_")]
    assert named
    assert all(list(line.get_xdata()) == [1, 2, 3] for line in named)
    assert len(axes.lines) > len(named)
