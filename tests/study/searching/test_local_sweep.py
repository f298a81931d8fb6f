"""A sweep on this machine: each trial once, in whatever process, and one report."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from multitask.cli.main import main
from multitask.errors import InputError
from multitask.study.searching import local_sweep
from multitask.study.searching.local_sweep import carry_out
from multitask.study.searching.search import Claim, Search
from multitask.study.searching.sweep_file import read_sweep_file

pytest.importorskip("optuna")
ROOT = Path(__file__).parents[3]
COST = dict.fromkeys(("seconds", "steps", "forward_passes", "backward_passes"), 1)
CONTENT = {
    "name": "small",
    "method": "random",
    "run_cap": 4,
    "metric": {"name": "val/score", "goal": "maximize"},
    "parameters": {"model.x": {"min": 0.0, "max": 1.0}, "seed_everything": {"values": [1, 2]}},
    "command": ["multitask", "fit", "--config=x.yaml", "${args}"],
}


def search(**changes: Any) -> Search:
    """A sweep in the working folder."""
    Path("sweep.yaml").write_text(yaml.safe_dump(CONTENT | changes))
    return Search(read_sweep_file(Path("sweep.yaml")), Path("sweeps/small"))


class Scripted:
    """A training that logs a value each time it is looked at.

    Args:
        claim: the trial.
        values: of the metric, one each time.
        code: how it ends.
    """

    def __init__(self, claim: Claim, values: list[float], code: int = 0) -> None:
        self.values, self.code, self.is_stopped = list(values), code, False
        self.run = claim.folder / "20260101-000000-abc"
        self.run.mkdir()
        seed = claim.values.get("seed_everything", 0)
        config = {"seed_everything": seed, "model": {"tasks": {"digit": {}}}}
        given = " ".join(f"--{name}={value}" for name, value in claim.values.items())
        origin: dict[str, Any] = {
            "command": f"multitask fit --config=x.yaml {given}",
            "sweep": "small",
            "git": None,
            "python": "3.11",
            "platform": "Linux",
            "devices": [],
            "packages": {},
        }
        (self.run / "config.yaml").write_text(yaml.safe_dump(config))
        (self.run / "provenance.yaml").write_text(yaml.safe_dump(origin))
        (self.run / "metrics.csv").write_text("step,epoch,name,value\r\n")
        self.logged: list[float] = []

    def ended(self) -> int | None:
        if self.is_stopped:
            return 0
        if self.values:
            self.logged.append(self.values.pop(0))
            with (self.run / "metrics.csv").open("a") as file:
                file.write(f"{len(self.logged)},0,val/score,{self.logged[-1]}\r\n")
            return None
        if self.code == 0:
            score = max(self.logged)
            summary = {
                "metrics": {"test/digit/accuracy": score},
                "best_score": score,
                "higher_is_better": {"test/digit/accuracy": True},
                "headlines": {"digit": "accuracy"},
                "cost": {**COST, "peak_memory": 1, "parameters": 1},
            }
            (self.run / "summary.json").write_text(json.dumps(summary))
        else:
            (self.run.parent / "output.txt").write_text("first\nit broke\n\n")
        return self.code

    def stop(self) -> None:
        self.is_stopped = True


def table() -> list[dict[str, str]]:
    with Path("sweeps/small/search.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local_sweep, "PAUSE", 0)


def test_grid_is_walked_once_by_several_processes() -> None:
    parameters = {"a": {"values": [[1], None]}, "b": {"min": 1, "max": 3}}
    searches = [search(method="grid", parameters=parameters, run_cap=99) for _ in range(2)]
    found = []
    for turn in range(6):
        claim = searches[turn % 2].claim()
        assert claim is not None
        assert claim.number == turn
        found.append(tuple(claim.values.values()))
        searches[turn % 2].finish(claim, 0.0)
    assert found == [(first, second) for first in ([1], None) for second in (1, 2, 3)]
    assert [each.claim() for each in searches] == [None, None]


def test_interrupted_trial_is_taken_up_with_its_values() -> None:
    first = search(run_cap=1)
    claim = first.claim()
    assert claim is not None
    other = search(run_cap=1)
    assert other.claim() is None
    # As when the process ends.
    claim.lock.close()
    again = other.claim()
    assert again is not None
    assert (again.number, again.values) == (0, claim.values)
    # A process does not try for ever.
    again.lock.close()
    assert other.claim() is None


def test_same_trials_come_again(tmp_path: Path) -> None:
    def drawn(folder: str) -> list[dict[str, Any]]:
        (tmp_path / folder).mkdir()
        sweep = Search(search().sweep, tmp_path / folder)
        claims = [sweep.claim() for _ in range(3)]
        return [each.values for each in claims if each is not None]

    first, second = drawn("one"), drawn("two")
    assert first == second
    assert len({each["model.x"] for each in first}) == 3


def test_target_ends_the_search() -> None:
    sweep = search(metric={"name": "val/score", "goal": "maximize", "target": 0.5})
    for value, is_next in ((0.4, True), (0.6, False)):
        claim = sweep.claim()
        assert claim is not None
        sweep.finish(claim, value)
        following = sweep.claim()
        assert (following is not None) == is_next
        if following is not None:
            sweep.fail(following, "")


def test_another_version_of_the_sweep_is_refused() -> None:
    search()
    search(run_cap=9)
    with pytest.raises(InputError, match=r"sweep\.yaml is from another version"):
        search(method="bayes")


def test_trials_end_alone_and_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    curves = {0: [0.1, 0.5], 1: [0.2], 2: [0.3, 0.9, 0.8], 3: [0.1]}
    codes = {1: 2, 3: 143}

    def start(arguments: list[str], claim: Claim) -> Scripted:
        assert arguments[:2] == ["fit", "--config=x.yaml"]
        assert f"--model.x={claim.values['model.x']}" in arguments
        assert {"--run.wandb=off", "--run.root=sweeps/small/runs"} <= set(arguments)
        return Scripted(claim, curves[claim.number], codes.get(claim.number, 0))

    carry_out(search(), processes=2, start=start)
    rows = table()
    assert [row["state"] for row in rows] == ["complete", "fail", "complete", "running"]
    assert [row["val/score"] for row in rows] == ["0.5", "", "0.9", ""]
    assert rows[1]["reason"] == "it broke"
    said = capsys.readouterr().out
    assert "Best: trial 3, val/score 0.9" in said
    assert "1 of 4 trials failed" in said
    assert Path("sweeps/small/report.html").is_file()
    assert Path("sweeps/small/trials.csv").read_text().count("20260101-000000-abc") == 4


def test_bad_trials_are_stopped_early() -> None:
    curves = {0: [0.5, 0.6], 1: [0.1, 0.2], 2: [0.7, 0.8], 3: [0.2, 0.9]}
    early = {"type": "hyperband", "min_iter": 1, "eta": 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_sweep, "write_sweep_report", lambda *_: Path("page"))
        sweep = search(early_terminate=early)
        carry_out(sweep, 1, lambda _, claim: Scripted(claim, curves[claim.number]))
    assert [row["state"] for row in table()] == ["complete", "pruned", "complete", "pruned"]


def test_three_failures_end_a_sweep() -> None:
    with pytest.raises(InputError, match="no trial of small has finished yet.*it broke"):
        carry_out(search(), 1, lambda _, claim: Scripted(claim, [], 2))
    assert [row["state"] for row in table()] == ["fail"] * 3


def test_metric_that_is_not_logged_is_named() -> None:
    sweep = search(metric={"name": "val/skore"}, run_cap=1)
    with pytest.raises(InputError, match="logged no val/skore; did you mean 'val/score'?"):
        carry_out(sweep, 1, lambda _, claim: Scripted(claim, [0.5]))


@pytest.mark.slow
def test_program_searches_and_continues(
    capsys: pytest.CaptureFixture[str], forked: Callable[[], object], without_figures: None
) -> None:
    forked()
    sweep = yaml.safe_load((ROOT / "configs/sweep/tuning.yaml").read_text())
    quick = ["accelerator=cpu", "max_epochs=1", "limit_train_batches=2", "limit_val_batches=1"]
    *command, arguments = sweep["command"]
    options = [f"--trainer.{each}" for each in (*quick, "limit_test_batches=1")]
    sweep |= {"run_cap": 2, "command": [*command, *options, arguments]}
    Path("quick.yaml").write_text(yaml.safe_dump(sweep))
    main(["sweep", "quick.yaml", "--processes=2"])
    said = capsys.readouterr().out
    assert "Trial 1/2, out_features=" in said
    assert "Best: trial" in said
    assert len(list(Path("sweeps/tuning/runs").glob("*/*/summary.json"))) == 2
    main(["sweep", "quick.yaml"])
    again = capsys.readouterr().out
    assert "Trial" not in again
    assert "Best: trial" in again


def test_wrong_setting_is_refused_before_training(capsys: pytest.CaptureFixture[str]) -> None:
    sweep = yaml.safe_load((ROOT / "configs/sweep/tuning.yaml").read_text())
    sweep["parameters"] = {"model.optimiser.lr": {"values": [0.1]}}
    Path("wrong.yaml").write_text(yaml.safe_dump(sweep))
    with pytest.raises(SystemExit):
        main(["sweep", "wrong.yaml"])
    assert "did you mean 'optimizer'?" in capsys.readouterr().err
    assert not Path("sweeps").exists()


@pytest.fixture
def forked() -> Callable[[], object]:
    """Begins the server of processes, with all that a training needs."""
    from cli.forked_program import forkserver

    return forkserver
