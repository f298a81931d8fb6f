"""A W&B server that dies while a run is under way: training continues, and nothing is lost."""

from __future__ import annotations

import csv
import importlib
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sweeps.server import Run, Server

DYING = """
from lightning.pytorch import Callback

class Die(Callback):
    def on_train_epoch_start(self, trainer, *_):
        if trainer.current_epoch == 2:
            self.kill()
"""


class AnyRun(dict[str, Run]):
    """Runs that no agent has been given."""

    def __missing__(self, name: str) -> Run:
        self[name] = Run(name, {}, "")
        return self[name]


def server(port: int = 0) -> Server:
    made = Server([], port=port)
    made.runs = AnyRun()
    return made


def kill_once_it_has_heard_of_the_run(dying: Server) -> None:
    deadline = time.monotonic() + 30
    while not any(run.history for run in dying.runs.values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    dying.__exit__()


def test_training_goes_on_and_the_rest_is_sent_later(
    multitask: Callable[..., None],
    quick: tuple[str, ...],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("dying.py").write_text(DYING)
    monkeypatch.syspath_prepend(Path.cwd())
    dying = server().__enter__()
    importlib.import_module("dying").Die.kill = lambda _: kill_once_it_has_heard_of_the_run(dying)
    for name, value in {
        "WANDB_MODE": "online",
        "WANDB_BASE_URL": dying.url,
        "WANDB_API_KEY": "0" * 40,
        "WANDB_ENTITY": "someone",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_X_DISABLE_STATS": "true",
        "WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL": "1",
        "WANDB_FINISH_TIMEOUT": "5",
    }.items():
        monkeypatch.setenv(name, value)
    arguments = ["--run.wandb=online", "--run.figures=false", "--trainer.max_epochs=4"]
    multitask("fit", *quick, *arguments, "--trainer.callbacks=dying.Die")

    said = capfd.readouterr().out
    found = re.search(r"W&B no longer responds; send .* once it does: (.*)", said)
    assert found, said
    with (next(Path("runs/digits").iterdir()) / "metrics.csv").open(newline="") as file:
        logged = [row["name"] for row in csv.DictReader(file)]
    assert logged.count("val/score") == 4

    with server(dying.port) as again:
        command = [sys.executable, "-m", *found[1].split()]
        subprocess.run(command, check=True, capture_output=True)
    (run,) = again.runs.values()
    assert len(run.values("val/score")) == 4
    assert run.exit_codes == [0]
    assert {"summary.json", "metrics.csv"} <= set(run.files)
    assert again.unknown == []
