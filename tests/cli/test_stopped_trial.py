"""SIGTERM: what a sweep's agent sends to a trial that does badly is no failure of the trial."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from wandb.proto.wandb_internal_pb2 import Record

STOPPING = """
import os, signal
from lightning.pytorch import Callback

class Stopped(Callback):
    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == 6:
            os.kill(os.getpid(), signal.SIGTERM)

class StoppedInTest(Callback):
    def on_test_batch_start(self, *_):
        os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.parametrize(("variables", "code"), [({}, 143), ({"WANDB_SWEEP_ID": "a"}, 0)])
def test_stop_is_a_failure_unless_an_agent_asked(
    variables: dict[str, str],
    code: int,
    multitask: Callable[..., None],
    quick: tuple[str, ...],
    recorded: Callable[[Path], list[Record]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / f"stopping_{code}.py").write_text(STOPPING)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    before = signal.getsignal(signal.SIGTERM)
    callback = f"--trainer.callbacks=stopping_{code}.Stopped"
    with pytest.raises(SystemExit) as stopped:
        multitask("fit", *quick, "--trainer.max_epochs=3", callback, "--run.wandb=offline")
    assert stopped.value.code == code
    # Of a trial alone it is told that its score comes late.
    assert ("the sweep sees this trial's score once" in capsys.readouterr().out) == (code == 0)
    assert signal.getsignal(signal.SIGTERM) == before
    (run,) = tmp_path.glob("runs/digits/*")
    assert not (run / "summary.json").exists()
    assert torch.load(run / "checkpoints/last.ckpt", weights_only=True)["global_step"] == 6
    if code == 0:
        # As part of a sweep W&B keeps no record that could be read here; test_agents has a server.
        return
    records = recorded(run)
    assert any(record.HasField("preempting") for record in records)
    assert [record.exit.exit_code for record in records if record.HasField("exit")] == [code]


def test_stop_while_testing_is_told_and_made_up_for(
    multitask: Callable[..., None],
    quick: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (tmp_path / "stopping_test.py").write_text(STOPPING)
    with pytest.raises(SystemExit) as stopped:
        multitask("fit", *quick, "--trainer.callbacks=stopping_test.StoppedInTest")
    assert stopped.value.code == 143
    (run,) = tmp_path.glob("runs/digits/*")
    assert f"continue with: multitask resume {run.relative_to(tmp_path)}" in capsys.readouterr().out
    assert not (run / "summary.json").exists()
    multitask("resume", str(run), "--trust", "--trainer.callbacks=null")
    assert "test/digit/accuracy" in (run / "summary.json").read_text()
