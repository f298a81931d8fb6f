"""What a sweep's trials have in common, and what differs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from multitask.errors import InputError
from multitask.study.sweep import Sweep, find_trials, ranked, read_sweep

Make = Callable[..., Path]


def read(tmp_path: Path) -> Sweep:
    return read_sweep(find_trials(tmp_path), "sweep-one")


def test_trials_that_differ_in_the_seed_alone_are_one_method(
    tmp_path: Path, finished_run: Make
) -> None:
    for weight, scores in ((1.0, (0.6, 0.4)), (2.0, (0.9, 0.7))):
        for seed, score in enumerate(scores):
            finished_run(f"--model.w={weight} --seed_everything={seed}", score, seed)
    sweep = read(tmp_path)
    assert sweep.parameters == ["model.w"]
    table = ranked(sweep)
    assert list(table.index) == ["w=2", "w=1"]
    assert table["val/score"].to_list() == pytest.approx([0.8, 0.5])
    assert table["seeds"].to_list() == [2, 2]
    assert sweep.results.values("w=2", "digit").to_list() == pytest.approx([0.8, 0.6])
    assert sweep.results.study.comparisons == [["w=1", "w=2"]]
    assert list(sweep.trials["val/score"]) == [0.9, 0.7, 0.6, 0.4]


@pytest.mark.parametrize(
    ("first", "second", "titles"),
    [
        ("--a.b.lr=0.01", "--a.b.lr 0.1", ["lr=0.01", "lr=0.1"]),
        ("--a.lr=1 --b.lr=1", "--a.lr=2 --b.lr=2", ["a.lr=1, b.lr=1", "a.lr=2, b.lr=2"]),
        ("--m=x.y.GradNorm", "--m=configs/z.yaml", ["m=GradNorm", "m=z"]),
        ("--m=x.y.A", "--m=z.A", ["m=x.y.A", "m=z.A"]),
        (
            """--m='{"class_path": "x.A", "init_args": {"n": 2}}'""",
            "",
            ["m=A(n=2)", "as the file says"],
        ),
        ("--run.tags=[a] --same=1 --x=1", "--run.tags=[b] --same=1 --x=2", ["x=1", "x=2"]),
        ("--x=1", "--x=1", ["as the file says", "as the file says (2)"]),
    ],
)
def test_methods_are_named_by_what_differs(
    tmp_path: Path, finished_run: Make, first: str, second: str, titles: list[str]
) -> None:
    finished_run(first)
    finished_run(second)
    assert read(tmp_path).results.methods == titles


def test_trials_without_an_end_or_a_test_are_shown(tmp_path: Path, finished_run: Make) -> None:
    finished_run("--x=1", 0.5)
    finished_run("--x=2", 0.7, tested=False)
    finished_run("--x=3", None)
    (finished_run("--x=4", None) / "state").write_text("crashed")
    sweep = read(tmp_path)
    assert sweep.results.methods == ["x=1"]
    assert list(ranked(sweep).index) == ["x=2", "x=1"]
    runs = sweep.results.runs.set_index("method")
    assert list(runs["state"]) == ["finished", "finished", "failed", "failed"]
    assert "stopped early" in runs.loc["x=3", "reason"]
    assert "W&B reports it as crashed" in runs.loc["x=4", "reason"]


def test_one_seed_compares_nothing(tmp_path: Path, finished_run: Make) -> None:
    finished_run("--x=1")
    finished_run("--x=2")
    assert read(tmp_path).results.study.comparisons == []


def test_runs_of_several_sweeps_are_told_apart(tmp_path: Path, finished_run: Make) -> None:
    ours = finished_run("--x=1", sweep="one")
    finished_run("--x=2", sweep="two")
    by_hand = finished_run("--x=3", sweep=None)
    with pytest.raises(InputError, match="several sweeps; choose one with --sweep: one, two"):
        find_trials(tmp_path)
    assert [trial.folder for trial in find_trials(tmp_path, "one")] == [ours]
    with pytest.raises(InputError, match="no training run of sweep 'three'"):
        find_trials(tmp_path, "three")
    assert [trial.folder for trial in find_trials(by_hand.parent / by_hand.name)] == [by_hand]


def test_nothing_to_report_is_said(tmp_path: Path, finished_run: Make) -> None:
    with pytest.raises(InputError, match="has no training run of a sweep"):
        find_trials(tmp_path)
    finished_run("--x=1", None)
    with pytest.raises(InputError, match="none of the 1 runs of sweep-one has finished"):
        read(tmp_path)


def test_other_files_and_other_verbs_are_left_out(tmp_path: Path, finished_run: Make) -> None:
    run = finished_run("--x=1")
    for name, text in {"test": "command: multitask test --x=1", "odd": "[]", "no": ":"}.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "provenance.yaml").write_text(text)
        (folder / "config.yaml").write_text("seed_everything: 1")
    assert [trial.folder for trial in find_trials(tmp_path)] == [run]
