"""Checkpoints and tables that reach W&B's server by its real client, in the run or after it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sweeps.artifact_server import ArtifactServer, Version

ROOT = Path(__file__).parents[2]
QUICK = (
    f"--config={ROOT / 'configs/experiment/digits.yaml'}",
    "--trainer.accelerator=cpu",
    "--trainer.limit_train_batches=2",
    "--trainer.limit_val_batches=1",
    "--trainer.max_epochs=1",
    "--trainer.enable_progress_bar=false",
    "--trainer.limit_test_batches=1",
    "--run.test_after_fit=false",
    "--run.figures=false",
    "--run.artifacts=true",
)
WITH_TABLES = ("--run.test_after_fit=true", "--run.figures=true")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """W&B's server for all programs that a test starts."""
    for name in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "wandb"))
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("WANDB_FINISH_TIMEOUT", "20")
    monkeypatch.setenv("WANDB_X_DISABLE_STATS", "true")
    with ArtifactServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        yield server
    assert server.unknown == []


def only_run(folder: Path) -> Path:
    (run,) = folder.glob("runs/digits/*")
    return run


def check_committed(version: Version, run: Path, checkpoint: bytes) -> None:
    assert version.is_committed
    assert (version.name, version.kind) == (f"model-{run.name}", "model")
    assert version.files["model.ckpt"] == checkpoint


@pytest.mark.slow
def test_online_they_arrive_and_those_of_a_resumed_run_beside_them(
    server: ArtifactServer, multitask: Callable[..., None], tmp_path: Path
) -> None:
    multitask("fit", *QUICK, "--run.wandb=online")
    run = only_run(tmp_path)
    best, last = run / "checkpoints/best.ckpt", run / "checkpoints/last.ckpt"
    (only,) = server.of_kind("model")
    first = last.read_bytes()
    check_committed(only, run, first)
    assert only.aliases == {"best", "latest"}
    assert (only.metadata["epoch"], only.metadata["tasks"]) == (0, ["digit", "glyph"])

    # Without validation the best stays what it was.
    multitask("resume", "--trainer.max_epochs=2", "--trainer.limit_val_batches=0")
    earlier, later, newest = server.of_kind("model")
    check_committed(earlier, run, first)
    check_committed(later, run, best.read_bytes())
    check_committed(newest, run, last.read_bytes())
    assert [each.aliases for each in server.of_kind("model")] == [set(), {"best"}, {"latest"}]
    assert (later.metadata["epoch"], newest.metadata["epoch"]) == (0, 1)
    assert later.metadata["best_score"] == only.metadata["best_score"]

    downloaded = tmp_path / "downloaded"
    downloaded.mkdir()
    for name, content in later.files.items():
        (downloaded / name).write_bytes(content)
    checkpoint = downloaded / "model.ckpt"
    options = ("--run.wandb=off", "--trainer.limit_val_batches=1")
    multitask("validate", f"--ckpt_path={checkpoint}", *options)
    assert list(downloaded.glob("validate/*/metrics.csv"))


@pytest.mark.slow
def test_recorded_offline_they_arrive_when_the_run_is_synced(
    server: ArtifactServer, multitask: Callable[..., None], tmp_path: Path, empty_figures: None
) -> None:
    multitask("fit", *QUICK, *WITH_TABLES, "--run.wandb=offline")
    run = only_run(tmp_path)
    expected = (run / "checkpoints/last.ckpt").read_bytes()
    without_tables = ("--run.test_after_fit=false", "--run.figures=false")
    multitask("resume", "--trainer.max_epochs=2", "--run.wandb=offline", *without_tables)
    assert not server.versions
    parts = sorted(map(str, run.glob("wandb/offline-run-*")))
    command = [sys.executable, "-m", "wandb", "sync", *parts]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    check_committed(server.of_kind("model")[0], run, expected)
    newest = (run / "checkpoints/last.ckpt").read_bytes()
    (latest,) = [each for each in server.of_kind("model") if "latest" in each.aliases]
    check_committed(latest, run, newest)
    assert expected != newest
    check_table(server, run)


def check_table(server: ArtifactServer, run: Path) -> None:
    """The table of test samples is there, with its images, and says what the run's page says."""
    (version,) = [each for each in server.of_kind("run_table") if "predictionstest" in each.name]
    assert version.is_committed
    table = json.loads(version.files["predictions/test.table.json"])
    page = (run / "figures/test/predictions.html").read_text()
    head, *rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in page.split("<tr>")[1:]]
    assert table["columns"] == head
    assert {"digit target", "digit probability", "glyph prediction"} <= set(head)
    assert len(table["data"]) == len(rows) == 24
    for found, shown in zip(table["data"], rows, strict=True):
        cells = dict(zip(head, found, strict=True))
        assert version.files[cells["image"]["path"]].startswith(b"\x89PNG")
        for name in ("index", "digit target", "digit prediction", "glyph target"):
            assert str(cells[name] if cells[name] is not None else "") == shown[head.index(name)]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["--run.wandb=off"], "run.artifacts is true, but the run is not recorded at W&B"),
        (["--run.wandb=offline", "--trainer.logger=false"], "always writes metrics.csv"),
        (
            ["--run.wandb=offline", "--trainer.enable_checkpointing=false"],
            "trainer.enable_checkpointing is false",
        ),
    ],
)
def test_a_promise_that_cannot_be_kept_is_refused_before_training(
    fails: Callable[..., str], tmp_path: Path, settings: list[str], says: str
) -> None:
    assert says in fails("fit", *QUICK, *settings)
    assert not list(tmp_path.glob("runs/**/config.yaml"))
