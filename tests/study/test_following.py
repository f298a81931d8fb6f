"""Methods that start from another's run: in which order, from what, and what becomes of them."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from cli.forked_program import forkserver

from multitask.cli.study_command import read_study
from multitask.errors import InputError
from multitask.study.comparison import costs
from multitask.study.execution import train
from multitask.study.plan import Method, PlannedRun, Study, planned, variants
from multitask.study.report import write_report
from multitask.study.results import Results, collect
from multitask.study.shards import shard_of
from multitask.study.workplace import Workplace, command

START = "{after}"
CALLBACKS = [{"class_path": "KeepTasks", "init_args": {"checkpoint": START, "weight": 2}}]
COST = {"seconds": 2.0, "steps": 4, "forward_passes": 4, "backward_passes": 4, "parameters": 10}


def program(arguments: Sequence[str]) -> None:
    """Leaves a finished run with a checkpoint, or does as it was told to."""
    options = dict(each.removeprefix("--").split("=", 1) for each in arguments[1:])
    if "die" in options:
        os.kill(os.getpid(), signal.SIGKILL)
    if "weights" in options:
        assert Path(options["weights"]).read_text() == "weights"
    folder = Path(options["run.root"]) / options["run.experiment"] / "20260101-000000-abc"
    leave_run(folder, "unchecked" not in options)


def leave_run(folder: Path, has_checkpoint: bool = True) -> None:
    (folder / "checkpoints").mkdir(parents=True)
    if has_checkpoint:
        (folder / "checkpoints/best.ckpt").write_text("weights")
    (folder / "summary.json").write_text("[]")


def follower(after: str, **settings: Any) -> Method:
    return Method(settings={"weights": START, **settings}, after=after)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump({"model": {"tasks": {"kind": {}, "size": {}}}}))
    methods = {
        "third": follower("second"),
        "second": Method(settings={"trainer.callbacks": CALLBACKS}, after="first"),
        "anew": Method(),
        "first": Method(),
    }
    return Study(str(path), [0, 1], methods, baselines=False)


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    forkserver()
    return Workplace(tmp_path / "study", 2, program)


def run_of(study: Study, method: str, seed: int = 0) -> PlannedRun:
    return next(run for run in planned(study) if (run.method, run.seed) == (method, seed))


def test_a_run_starts_from_that_of_the_same_seed(study: Study, place: Workplace) -> None:
    order = ["first", "second", "third", "anew"]
    assert [(run.seed, run.method) for run in planned(study)] == [
        (seed, method) for seed in (0, 1) for method in order
    ]
    for each in variants(replace(study, vary={"few": {"x": 1}, "many": {"x": 2}})).values():
        assert [run.settings["x"] for run in planned(each)] == [each.settings["x"]] * 8
    second = run_of(study, "second", seed=1)
    assert second.after == run_of(study, "first", seed=1)
    leave_run(place.run_folder(second.after) / "20260101-000000-abc")
    (told,) = (each for each in command(study, second, place) if "trainer.callbacks" in each)
    path = f"{place.run_folder(second.after)}/20260101-000000-abc/checkpoints/best.ckpt"
    assert yaml.safe_load(told.partition("=")[2]) == [
        {"class_path": "KeepTasks", "init_args": {"checkpoint": path, "weight": 2}}
    ]
    # Before it is there the report still has a command to show.
    (told,) = (each for each in command(study, run_of(study, "third"), place) if "weights" in each)
    assert told.endswith("/RUN/checkpoints/best.ckpt")
    assert START not in told


def test_a_change_of_the_first_changes_all_that_follow(study: Study) -> None:
    before = {run.method: run.place for run in planned(study)}
    study.methods["first"] = Method(settings={"lr": 1})
    after = {run.method: run.place for run in planned(study)}
    assert {method for method in before if before[method] == after[method]} == {"anew"}


@pytest.mark.parametrize(
    ("methods", "says"),
    [
        (
            {"a": follower("frist")},
            "'a' is after 'frist', which does not exist; did you mean 'first'",
        ),
        ({"a": follower("")}, "'a' is after '', which does not exist; choose from 'first'"),
        ({"a": follower("a")}, "'a' is after itself"),
        (
            {"a": follower("c"), "b": follower("a"), "c": follower("b")},
            "'a' is after 'c', 'c' is after 'b', 'b' is after 'a'; let one of them start",
        ),
        ({"a": follower("b"), "b": follower("c"), "c": follower("c")}, "'c' is after itself"),
        ({"a": Method(after="first")}, "'a' is after 'first' and does not use it"),
        ({"a": Method(settings={"x": [START]})}, "'a' has {after} in its settings and no 'after'"),
        (
            {"a": follower("first", x=[{"y": f"{START}/.."}])},
            "'a' has '{after}/..'; {after} stands",
        ),
        ({"a": Method(settings={"x": "see {after}"})}, "so write it alone"),
        ({"a": follower("single task")}, "'a' is after 'single task', which is a network for each"),
        (
            {"a": follower("tuned weights")},
            "'tuned weights', which are chosen after all other runs",
        ),
    ],
)
def test_methods_that_cannot_follow(study: Study, methods: dict[str, Method], says: str) -> None:
    with pytest.raises(InputError, match="^methods: ") as told:
        replace(study, methods={"first": Method(), **methods})
    assert says in str(told.value)


def test_what_a_method_starts_from_is_its_own_to_say(study: Study) -> None:
    with pytest.raises(InputError, match="^settings has {after}; write it in the settings of a"):
        replace(study, settings={"run.weights": START})
    with pytest.raises(InputError, match="^vary: 'few' has {after}; write it in the settings of a"):
        replace(study, vary={"few": {"x": {"y": START}}})
    path = Path(study.experiment)
    path.write_text(path.read_text() + f'run: {{weights: "{START}"}}\n')
    with pytest.raises(InputError, match="experiment.yaml has {after}; write it in the settings"):
        list(planned(study))


def test_a_file_may_leave_out_the_quotes(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "written.yaml"
    path.write_text(
        f"""
experiment: {study.experiment}
seeds: [0]
methods:
  first: {{settings: {{callback: {{class_path: Late, init_args: {{after: null}}}}}}}}
  second:
    after: first
    settings:
      run.weights: {{after}}
      trainer.callbacks: [{{init_args: {{checkpoint: {{after}}}}}}]
"""
    )
    read = read_study(path).methods
    assert read["first"].settings["callback"]["init_args"] == {"after": None}
    assert read["second"].settings["run.weights"] == START
    assert read["second"].settings["trainer.callbacks"] == [{"init_args": {"checkpoint": START}}]
    path.write_text(path.read_text().replace("after: first", "after: [first]"))
    with pytest.raises(InputError, match="methods: after of 'second': it should be text"):
        read_study(path)


def test_runs_wait_for_what_they_start_from(
    study: Study, place: Workplace, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = [run for run in planned(study) if run.seed == 0]
    train(study, list(reversed(runs)), place)
    assert all(place.finished(run) for run in runs)
    assert "4/4" in capfd.readouterr().out
    # What has finished needs its start no more.
    Path(place.start(run_of(study, "second"))).unlink()
    assert place.obstacle(run_of(study, "second")) is None
    train(study, runs, place)
    assert "4 of 4 runs have already finished" in capfd.readouterr().out


def test_followers_of_a_run_that_failed_are_not_run(
    study: Study, place: Workplace, capfd: pytest.CaptureFixture[str]
) -> None:
    study.methods["first"] = Method(settings={"die": True})
    runs = [run for run in planned(study) if run.seed == 0]
    train(study, runs, place)
    said = capfd.readouterr().out
    for method in ("second", "third"):
        assert f"{method}, seed 0: not run, because 'first' failed with seed 0" in said
        assert not (place.run_folder(run_of(study, method)) / "output.txt").exists()
        assert place.failure(run_of(study, method)) is None
    assert place.finished(run_of(study, "anew"))
    # It may have failed for want of memory; tried again, all go on.
    study.methods["first"] = Method()
    train(study, [run for run in planned(study) if run.seed == 0], place)
    assert place.finished(run_of(study, "third"))


def test_a_run_without_a_checkpoint_is_not_followed(study: Study, place: Workplace) -> None:
    study.methods["first"] = Method(settings={"unchecked": True})
    train(study, [run for run in planned(study) if run.seed == 0], place)
    assert place.obstacle(run_of(study, "third")) == "'first' has no best.ckpt with seed 0"
    assert place.obstacle(run_of(study, "third", 1)) == "'first' has not finished with seed 1"


def test_what_another_process_is_training_is_waited_for(
    study: Study, place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (run_of(study, method) for method in ("first", "second"))
    command(study, first, place)
    looks: list[float] = []
    with (place.run_folder(first) / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        def wait(seconds: float) -> None:
            looks.append(seconds)
            if len(looks) == 2:
                leave_run(place.run_folder(first) / "20260101-000000-abc")
                fcntl.flock(file, fcntl.LOCK_UN)

        monkeypatch.setattr("multitask.study.execution.time.sleep", wait)
        train(study, [first, second], place)
    assert looks == [1, 1]
    assert place.finished(second)


@pytest.mark.parametrize("count", [1, 2, 3, 10**12])
def test_shares_keep_together_what_starts_from_each_other(study: Study, count: int) -> None:
    runs = list(planned(study))
    shares = [shard_of(runs, f"{number}/{count}") for number in range(1, min(count, 5) + 1)]
    assert sorted(run.place for share in shares for run in share) == sorted(r.place for r in runs)
    for share in shares:
        assert all(run.after is None or run.after in share for run in share)
        assert share == [run for run in runs if run in share]
    sizes = [len(share) for share in shares if share]
    assert max(sizes) - min(sizes) <= (2 if count > 2 else 0)


def summary(tasks: Sequence[str], seed: int) -> dict[str, Any]:
    return {
        "metrics": {f"test/{task}/accuracy": 0.5 + 0.1 * seed for task in tasks},
        "best_score": 0.5,
        "higher_is_better": {f"test/{task}/accuracy": True for task in tasks},
        "headlines": dict.fromkeys(tasks, "accuracy"),
        "cost": {**COST, "peak_memory": 2**20},
    }


def results(study: Study, folder: Path, methods: Sequence[str]) -> Results:
    """Some methods' runs, finished; that of ``first`` with a task that is not the study's."""
    runs = list(planned(study))
    for run in runs:
        if run.method in methods:
            tasks = ["colour"] if run.method == "first" else ["kind", "size"]
            (folder / run.place).mkdir(parents=True, exist_ok=True)
            content = json.dumps(summary(tasks, run.seed))
            (folder / run.place / "summary.json").write_text(content)
    folders = {run.place: folder / run.place for run in runs if run.method in methods}
    obstacles = {run.place: "'second' failed with seed 0" for run in runs if run.method == "third"}
    places = [run.place for run in runs]
    return collect(
        study,
        runs,
        {each: folders.get(each) for each in places},
        dict.fromkeys(places),
        obstacles,
    )


def test_the_cost_of_a_run_has_that_of_what_it_starts_from(study: Study, tmp_path: Path) -> None:
    table = costs(results(study, tmp_path, list(study.methods)))
    assert table.index.tolist() == ["first", "second", "third", "anew"]
    assert table["seconds"].tolist() == [2, 2, 2, 2]
    assert table["total seconds"].tolist() == [2, 4, 6, 2]
    assert table["total steps"].tolist() == [4, 8, 12, 4]
    assert not {"total parameters", "total peak_memory"} & set(table)
    # In a study of others nothing is added.
    study.methods = {"anew": Method()}
    assert not [each for each in costs(results(study, tmp_path, ["anew"])) if "total" in each]


def test_a_cost_that_is_not_known_is_not_guessed(
    study: Study, tmp_path: Path, without_figures: None
) -> None:
    found = results(study, tmp_path, ["second", "anew"])
    assert costs(found)["total seconds"].isna().tolist() == [True, False]
    write_report(found, tmp_path, {})
    assert "| second, with first |  |  |  |  | 1 | 10 |" in (tmp_path / "report.md").read_text()


def test_the_report_tells_what_follows_what(
    study: Study, tmp_path: Path, without_figures: None
) -> None:
    write_report(results(study, tmp_path, ["first", "second", "anew"]), tmp_path, {})
    text = (tmp_path / "report.md").read_text()
    assert "8 runs with 2 seeds: 6 finished, 2 not run." in text
    assert "| third | 0 | not run | because 'second' failed with seed 0 |" in text
    assert "A seed takes between 2.00 s (anew) and 4.00 s (second), with what it starts" in text
    assert "| second | 2.0 | 4 | 4 | 4 | 1 | 10 |" in text
    assert "| second, with first | 4.0 | 8 | 8 | 8 | 1 | 10 |" in text
    # A source with other tasks is not compared, and shown.
    assert f"first has colour, which {study.experiment} lacks." in text
    assert "| first | colour | accuracy ↑ | 0.550 |" in text
    assert "first" not in pd.read_csv(tmp_path / "scores.csv", index_col=0).index
    write_report(results(study, tmp_path / "early", ["first"]), tmp_path, {})
    text = (tmp_path / "report.md").read_text()
    assert "No run of the study's tasks has been tested yet." in text
    assert "| first | colour | accuracy ↑ | 0.550 |" in text
