"""A process that waits for others says so, and does not wait for ever."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli.forked_program import ForkedProgram, forkserver
from processes.waiting import wait_alone

from multitask.processes import meeting

DIGITS = Path(__file__).parents[2] / "configs/experiment/digits.yaml"


def test_a_process_says_whom_it_waits_for_and_gives_up(tmp_path: Path) -> None:
    said = tmp_path / "said.txt"
    said.touch()
    process = forkserver().Process(target=wait_alone, args=(dict(os.environ), said))
    process.start()
    process.join(120)
    assert process.exitcode == meeting.NEVER_MET
    first, last = said.read_text().splitlines()
    assert first.startswith("process 0 of 2 is waiting for the others")
    assert "127.0.0.1:1, which is MASTER_ADDR and MASTER_PORT" in first
    assert "has not met the others" in last


def test_nothing_is_said_where_they_meet_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "PATIENCE", 0.05)
    said: list[str] = []
    strategy = SimpleNamespace(cluster_environment=None, setup_environment=lambda: None)
    trainer: Any = SimpleNamespace(world_size=2, global_rank=0, num_nodes=2, strategy=strategy)
    usual = signal.getsignal(signal.SIGINT)
    meeting.limit_meeting(trainer, said.append)
    trainer.strategy.setup_environment()
    assert signal.getsignal(signal.SIGINT) is usual
    signal.sigtimedwait([], 0.1)
    assert said == []


@pytest.mark.slow
def test_ctrl_c_ends_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SLURM_JOB_NAME": "train.sh",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_NNODES": "1",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
    }.items():
        monkeypatch.setenv(name, value)
    arguments = ("fit", f"--config={DIGITS}", "--trainer.accelerator=cpu", "--run.wandb=off")
    process = ForkedProgram([*arguments, f"--run.root={tmp_path}"], folder=str(tmp_path))
    while "put srun before the command" not in process._output and process.poll() is None:
        signal.sigtimedwait([], 0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
