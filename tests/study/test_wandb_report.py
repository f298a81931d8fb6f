"""A study's report reaches W&B's server by its real client, always as the same run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wandb
import yaml
from sweeps.artifact_server import ArtifactServer

from multitask.runs.settings import WandbMode
from multitask.study.plan import Method, Study
from multitask.study.wandb_report import send_report

SCORES = ",kind,rank\nsingle task,0.5,\nboth,0.75,1.5\n"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "wandb"))
    monkeypatch.setenv("WANDB_SILENT", "true")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArtifactServer]:
    """W&B's server, to which `wandb sync` sends."""
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    with ArtifactServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        yield server
    assert server.unknown == []


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A report, with a table beside it and one that is empty."""
    folder = tmp_path / "studies/labels/few"
    folder.mkdir(parents=True)
    (folder / "scores.csv").write_text(SCORES)
    (folder / "comparisons.csv").write_text("method,other\n")
    (folder / "report.html").write_text("<p>first</p>")
    return folder / "report.html"


def study(tmp_path: Path, wandb_mode: WandbMode, **settings: Any) -> Study:
    experiment = tmp_path / "experiment.yaml"
    config = {"model": {"tasks": {"kind": {}}}, "run": {"project": "of the file"}}
    experiment.write_text(yaml.safe_dump(config))
    methods = {"both": Method()}
    return Study(str(experiment), [0], methods, settings, wandb=wandb_mode, name="labels/few")


def test_the_newest_report_is_in_the_studys_own_run(
    server: ArtifactServer, page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    send_report(study(tmp_path, "offline"), page)
    page.write_text("<p>second</p>")
    send_report(study(tmp_path, "offline"), page)
    command = re.findall(r"to send it to W&B: (wandb sync .*)", capsys.readouterr().out)[-1]
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = server.runs.values()
    assert (run.name, run.display_name) == ("report-labels-few", "labels/few, report")
    assert run.config["methods"]["both"]["tasks"] is None
    shown = run.files[run.summary["report"]["path"]]
    assert shown == b"<p>second</p>"
    assert {content for name, content in run.files.items() if name.endswith(".html")} == {
        *(b"<p>first</p>", b"<p>second</p>")
    }
    table = json.loads(server.of_kind("run_table")[-1].files["tables/scores.table.json"])
    assert table["columns"] == ["method", "kind", "rank"]
    assert table["data"] == [["single task", 0.5, None], ["both", 0.75, 1.5]]
    assert "tables/comparisons" not in run.summary


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What W&B was asked to start; nothing is started."""
    calls: list[dict[str, Any]] = []

    def init(**arguments: Any) -> None:
        calls.append(arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(wandb, "init", init)
    monkeypatch.setattr(wandb, "login", lambda **_: True)
    return calls


@pytest.mark.parametrize(
    ("settings", "project"),
    [({}, "of the file"), ({"run.project": "of the study"}, "of the study")],
)
def test_it_is_where_the_studys_runs_are(
    settings: dict[str, str],
    project: str,
    page: Path,
    tmp_path: Path,
    started: list[dict[str, Any]],
) -> None:
    with pytest.raises(KeyboardInterrupt):
        send_report(study(tmp_path, "online", **settings), page)
    (call,) = started
    assert (call["mode"], call["project"], call["group"]) == ("online", project, "labels/few")
    assert (call["job_type"], call["resume"]) == ("report", "allow")
    assert (call["id"], call["dir"]) == ("report-labels-few", page.parent)


def test_off_sends_nothing(page: Path, tmp_path: Path, started: list[dict[str, Any]]) -> None:
    send_report(study(tmp_path, "off"), page)
    assert not started
    assert not (page.parent / "wandb").exists()
