"""A sweep's runs, fetched from a server by the real client."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from sweeps.server import Run, Server

from multitask.errors import InputError
from multitask.study.sweep_download import download

SWEEP = "someone/multitask/the-sweep"
ORIGIN = {"command": "multitask fit --x=1"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    return monkeypatch


def run(name: str, exit_codes: list[int], **files: bytes) -> Run:
    config = {"seed_everything": 3, "x": 1, "_provenance": ORIGIN}
    told = Run(name, {}, "agent", display_name=name, config=config, exit_codes=exit_codes)
    told.files = {each.replace("_", "."): content for each, content in files.items()}
    return told


def test_runs_that_have_ended_become_folders(tmp_path: Path, client: pytest.MonkeyPatch) -> None:
    with Server([]) as server:
        ended = run("ended", [0], summary_json=b"{}", metrics_csv=b"step,name,value\n", other=b"")
        server.runs = {"ended": ended, "crashed": run("crashed", [1]), "going": run("going", [])}
        client.setenv("WANDB_BASE_URL", server.url)
        assert download(SWEEP, tmp_path) == ["going"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["crashed", "ended"]
        folder = tmp_path / "ended"
        names = ["config.yaml", "metrics.csv", "provenance.yaml", "state", "summary.json"]
        assert sorted(path.name for path in folder.iterdir()) == names
        assert (folder / "metrics.csv").read_bytes() == b"step,name,value\n"
        assert yaml.safe_load((folder / "config.yaml").read_text()) == {
            "seed_everything": 3,
            "x": 1,
        }
        assert yaml.safe_load((folder / "provenance.yaml").read_text()) == ORIGIN
        assert (tmp_path / "crashed" / "state").read_text() == "failed"

        # What is there is not fetched again; what has ended since is.
        ended.files["summary.json"] = b"[]"
        server.runs["going"].exit_codes.append(0)
        assert download(SWEEP, tmp_path) == []
        assert (folder / "summary.json").read_bytes() == b"{}"
        assert (tmp_path / "going" / "state").read_text() == "finished"
        assert server.unknown == []


def test_a_server_that_does_not_answer_is_named(tmp_path: Path, client: pytest.MonkeyPatch) -> None:
    with Server([]) as server:
        server._known.pop("GetSweep")
        client.setenv("WANDB_BASE_URL", server.url)
        with pytest.raises(InputError, match=f"the sweep {SWEEP} cannot be fetched from W&B"):
            download(SWEEP, tmp_path)
