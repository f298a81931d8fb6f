"""Runs are trained once, go on where they were interrupted, and fail alone."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from cli.forked_program import forkserver

from multitask.errors import InputError
from multitask.study.execution import train
from multitask.study.plan import Method, PlannedRun, Study, planned
from multitask.study.shards import shard_of
from multitask.study.tuning import chosen, trials
from multitask.study.workplace import Workplace, command


def program(arguments: Sequence[str]) -> None:
    """Leaves a finished run, or fails as it was told to."""
    if arguments[0] == "resume":
        folder = Path(arguments[1])
    else:
        options = dict(each.removeprefix("--").split("=", 1) for each in arguments[1:])
        if "die" in options:
            os.kill(os.getpid(), signal.SIGKILL)
        if "fail" in options:
            print("first this\nthen that\n")
            sys.exit(2)
        folder = Path(options["run.root"]) / options["run.experiment"] / "20260101-000000-abc"
        folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(list(arguments)))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump({"model": {"tasks": {"kind": {}}}}))
    methods = {"good": Method(), "bad": Method(settings={"fail": True})}
    return Study(str(path), [0], methods)


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    # Before the study, which would have it import less than later tests need.
    forkserver()
    return Workplace(tmp_path / "study", 2, program)


def by_method(study: Study) -> dict[str, PlannedRun]:
    return {run.method: run for run in planned(study)}


def test_runs_finish_or_fail_alone(
    study: Study, place: Workplace, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = by_method(study)
    train(study, list(runs.values()), place)
    finished = place.finished(runs["good"])
    assert finished is not None
    assert json.loads((finished / "summary.json").read_text()) == command(
        study, runs["good"], place
    )
    assert place.finished(runs["bad"]) is None
    assert place.failure(runs["bad"]) == "then that"
    assert place.failure(runs["good"]) is None
    said = capfd.readouterr().out
    assert "bad, seed 0: failed (then that)" in said
    assert "3/3" in said
    train(study, list(runs.values()), place)
    assert "2 of 3 runs have already finished" in capfd.readouterr().out


def test_a_run_that_the_system_ends_has_failed(study: Study, place: Workplace) -> None:
    study.methods["dead"] = Method(settings={"die": True})
    run = by_method(study)["dead"]
    train(study, [run], place)
    assert place.failure(run) == "ended by signal 9"


def test_an_interrupted_run_goes_on(study: Study, place: Workplace) -> None:
    run = by_method(study)["good"]
    folders = [place.run_folder(run) / name for name in ("20260101-000000-a", "20260102-000000-b")]
    for folder in folders:
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "checkpoints/last.ckpt").touch()
    train(study, [run], place)
    assert place.finished(run) == folders[1]
    assert json.loads((folders[1] / "summary.json").read_text()) == [
        "resume",
        str(folders[1]),
        "--trust",
    ]


def test_a_run_that_another_process_trains_is_left_alone(
    study: Study, place: Workplace, capfd: pytest.CaptureFixture[str]
) -> None:
    run = by_method(study)["good"]
    command(study, run, place)
    with (place.run_folder(run) / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        train(study, [run], place)
    assert "another process is training it" in capfd.readouterr().out
    assert place.finished(run) is None
    assert place.failure(run) is None
    train(study, [run], place)
    assert place.finished(run) is not None


def test_shares_have_every_run_once(study: Study) -> None:
    runs = list(planned(study))
    shares = [shard_of(runs, f"{number}/2") for number in (1, 2)]
    assert sorted(run.place for share in shares for run in share) == sorted(
        run.place for run in runs
    )
    assert shard_of(runs, "1/1") == runs


def test_runs_at_wandb_are_told_apart(study: Study, place: Workplace) -> None:
    study.methods["a" * 80] = Method()
    found = {}
    for run in [*planned(study), *trials(study), *chosen(study, {0: 0.5})]:
        options = dict(
            each.removeprefix("--").split("=", 1) for each in command(study, run, place)[1:]
        )
        assert options["run.group"] == f"study / {run.method}"
        found[run.method, run.part] = (options["run.job_type"], yaml.safe_load(options["run.tags"]))
    assert found["single task", "kind"] == ("baseline", ["study", "single task", "kind"])
    assert found["tuned weights", "trial 1"] == ("trial", ["study", "tuned weights", "trial 1"])
    assert found["tuned weights", ""] == ("method", ["study", "tuned weights"])
    assert found["good", ""] == ("method", ["study", "good"])
    # W&B refuses a longer one.
    assert found["a" * 80, ""][1] == ["study", "a" * 64]


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0"])
def test_shares_that_are_not_there(shard: str) -> None:
    with pytest.raises(InputError, match="shard is"):
        shard_of([], shard)
