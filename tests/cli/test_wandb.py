"""What reaches Weights & Biases, read back from what its client recorded offline."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

Records = Callable[[Path], list[Any]]


@pytest.fixture
def run_folder(tmp_path: Path) -> Callable[[], Path]:
    def only() -> Path:
        (run,) = tmp_path.glob("runs/digits/*")
        return run

    return only


def names_and_values(record: Any) -> dict[str, Any]:
    return {
        item.key or ".".join(item.nested_key): json.loads(item.value_json)
        for item in record.history.item
    }


@pytest.mark.slow
def test_everything_is_recorded(
    multitask: Callable[..., None],
    quick: tuple[str, ...],
    run_folder: Callable[[], Path],
    recorded: Records,
    empty_figures: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    multitask(
        "fit",
        *quick,
        "--run.wandb=offline",
        "--run.tags=[first, second]",
        "--run.notes=a note",
        "--trainer.log_every_n_steps=2",
        "--run.figures=true",
    )
    run = run_folder()
    said = capsys.readouterr().out
    assert f"wandb sync {run.relative_to(run.parents[2])}/wandb/offline-run-" in said
    records = recorded(run)

    (start,) = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    assert (start.run_id, start.project, start.job_type) == (run.name, "multitask", "fit")
    assert (start.run_group, list(start.tags), start.notes) == (
        "digits",
        ["first", "second"],
        "a note",
    )

    config = {
        update.key: json.loads(update.value_json)
        for record in records
        if record.WhichOneof("record_type") == "config"
        for update in record.config.update
    }
    assert config["seed_everything"] == 0
    assert config["data"]["init_args"]["labels_per_class"] == 10
    assert config["model"]["tasks"]["digit"]["init_args"]["num_classes"] == 10
    assert config["trainer"]["max_epochs"] == 1
    assert {"git", "packages", "python"} <= config["_provenance"].keys()

    history: dict[str, list[Any]] = {}
    for record in records:
        for name, value in names_and_values(record).items():
            history.setdefault(name, []).append(value)
    for split in ("train", "val", "test"):
        for metric in ("digit/accuracy", "digit/f1", "digit/auroc", "digit/calibration_error"):
            assert len(history[f"{split}/{metric}"]) == 1
        for metric in ("glyph/mae", "glyph/rmse", "glyph/r2"):
            assert len(history[f"{split}/{metric}"]) == 1
    for name in ("loss", "learning_rate", "samples_per_second", "digit/loss", "glyph/weight"):
        assert len(history[f"train/{name}"]) == 2
    assert history["train/digit/weight"] == [1, 1]
    for figure in (
        "data/samples",
        "data/label_coverage",
        "test/digit",
        "test/glyph",
        "val/samples",
    ):
        (names,) = history[f"figures/{figure}.filenames"]
        assert (run / "figures" / f"{figure}.png").exists()
        assert len(list(run.glob(f"wandb/offline-run-*/files/{names[0]}"))) == 1

    best = {
        record.metric.name: record.metric.summary
        for record in records
        if record.WhichOneof("record_type") == "metric"
    }
    assert best["val/digit/accuracy"].max
    # A sweep optimises a plain number.
    assert "val/score" not in best
    assert best["val/glyph/mae"].min
    assert best["test/digit/loss"].min


@pytest.mark.slow
def test_a_resumed_run_continues_its_wandb_run(
    multitask: Callable[..., None],
    quick: tuple[str, ...],
    run_folder: Callable[[], Path],
    recorded: Records,
) -> None:
    multitask("fit", *quick, "--run.wandb=offline")
    multitask("resume", "--trainer.max_epochs=2")
    records = recorded(run_folder())
    runs = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    assert [run.run_id for run in runs] == [run_folder().name] * 2
    assert len(list(run_folder().glob("wandb/offline-run-*"))) == 2
    rows = [names_and_values(record) for record in records]
    steps = [row["trainer/global_step"] for row in rows if "train/loss" in row]
    assert steps == [3, 7]


def test_off_leaves_no_trace(
    multitask: Callable[..., None],
    quick: tuple[str, ...],
    run_folder: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    multitask("fit", *quick, "--run.wandb=off")
    assert not (run_folder() / "wandb").exists()
    assert "wandb" not in capsys.readouterr().out


@pytest.mark.slow
def test_not_logged_in_is_offline_and_asks_nothing(
    program: Any,
    quick: tuple[str, ...],
    run_folder: Callable[[], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    assert "wandb sync" in program("fit", *quick, "--run.wandb=auto")
    assert list(run_folder().glob("wandb/offline-run-*"))


@pytest.mark.slow
def test_a_server_that_cannot_be_reached_does_not_stop_training(
    program: Any,
    quick: tuple[str, ...],
    run_folder: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "3")
    said = program("fit", *quick, "--run.wandb=auto")
    assert "recorded offline" in said
    assert "wandb sync" in said
    assert (run_folder() / "checkpoints/best.ckpt").exists()


class Nothing(BaseHTTPRequestHandler):
    """A server that answers everything with nothing, at which W&B's own process fails."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"data": null}')

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.mark.slow
def test_faults_of_wandbs_own_process_are_for_a_file(
    program: Any,
    quick: tuple[str, ...],
    run_folder: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Nothing)
    Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}",
        "WANDB_API_KEY": "0" * 40,
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_FINISH_TIMEOUT": "5",
    }.items():
        monkeypatch.setenv(name, value)
    said = program("fit", *quick, "--run.wandb=online", "--run.figures=false")
    server.shutdown()
    assert "goroutine" not in said
    assert "Traceback" not in said
    assert said.count("W&B did not record all of the run") == 1
    assert "goroutine" in (run_folder() / "wandb/service.log").read_text()
    assert (run_folder() / "checkpoints/best.ckpt").exists()
