"""The report of a sweep."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from multitask.study.sweep import find_trials, read_sweep
from multitask.study.sweep_report import MOST_METHODS, draw_parameters, write_sweep_report

Make = Callable[..., Path]


def report(tmp_path: Path) -> str:
    page = write_sweep_report(read_sweep(find_trials(tmp_path), "sweep-one"), tmp_path / "out")
    html = page.read_text()
    assert '<h1 id="sweep-one">sweep-one</h1>' in html
    assert not re.search(r'src="(?!data:)', html)
    return (tmp_path / "out" / "report.md").read_text()


def test_methods_come_by_their_validation_score(tmp_path: Path, finished_run: Make) -> None:
    for x, scores in enumerate([(0.5, 0.3), (0.9, 0.7), (0.6, 0.6)]):
        for seed, score in enumerate(scores):
            finished_run(f"--x={x}", score, seed)
    finished_run("--x=7", None)
    text = report(tmp_path)
    first, second = text.split("## Test results")
    assert re.findall(r"^\| (x=\d) \| (0\.\d+)", first, re.M) == [
        ("x=1", "0.800"),
        ("x=2", "0.600"),
        ("x=0", "0.400"),
    ]
    assert re.findall(r"^\| (x=\d) \| (0\.\d+)", second, re.M)[:3] == [
        ("x=1", "0.700"),
        ("x=2", "0.500"),
        ("x=0", "0.300"),
    ]
    assert "| x=0 - x=1 | -0.400" in second
    assert "single task" not in text.lower()
    assert "stopped early" in second
    assert "x=1 has the best: 0.800, 0.200 ahead of the next, x=2." in first
    assert "## Scores by parameter\n\nThe best of 6 runs had x = 1." in first
    assert "## Test results\n\nx=1 has the best digit accuracy: 0.700." in text
    assert (
        "No difference can be tested: that needs at least three seeds, and there are two." in second
    )
    assert "1 of 7 runs has no result: 1 failed." in second
    assert "multitask fit --config=digits.yaml --x=1" in second
    table = pd.read_csv(tmp_path / "out" / "trials.csv")
    assert list(table["x"]) == [1, 1, 2, 2, 0, 0, 7]


def test_of_many_only_the_best_are_compared(
    tmp_path: Path, finished_run: Make, without_figures: None
) -> None:
    for x in range(MOST_METHODS + 5):
        finished_run(f"--x={x}", x / 100)
    first, second = report(tmp_path).split("## Test results")
    assert len(re.findall(r"^\| x=", first, re.M)) == MOST_METHODS + 5
    rows = re.findall(r"^\| x=(\d+) \|", second.split("Ranks are")[0], re.M)
    assert [int(row) for row in rows] == list(range(MOST_METHODS + 4, 4, -1))
    assert f"the {MOST_METHODS} best of {MOST_METHODS + 5}" in first


def test_without_a_test_there_is_still_the_validation_score(
    tmp_path: Path, finished_run: Make
) -> None:
    finished_run("--x=1", 0.5, tested=False)
    finished_run("--x=a", 0.6, tested=False)
    text = report(tmp_path)
    assert "| x=a | 0.600 | 1 |" in text
    assert "x=a has the best: 0.600, of one seed, 0.100 ahead of the next, x=1." in text
    assert "No run has been tested" in text


def test_each_parameter_has_a_panel(tmp_path: Path, finished_run: Make) -> None:
    finished_run("--lr=0.001 --b=x.y.A --c=1 --d=1", 0.5)
    finished_run("--lr=0.1 --b=x.y.B --d=2", 0.6)
    finished_run("--lr=0.01 --b=x.y.B --c=2 --d=2", None)
    figure = draw_parameters(read_sweep(find_trials(tmp_path), "sweep-one"))
    assert figure is not None
    panels = {axes.get_xlabel(): axes for axes in figure.axes if axes.get_visible()}
    assert list(panels) == ["lr", "b", "c", "d"]
    assert [panels[name].get_xscale() for name in ("lr", "d")] == ["log", "linear"]
    assert [each.get_text() for each in panels["b"].get_xticklabels()] == ["B", "A"]
    # The trial that leaves it as it is has no place on its axis.
    assert panels["c"].lines[0].get_xdata().tolist() == [1]
