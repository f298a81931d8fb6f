"""Two processes, of which one is told to stop, or killed: nothing hangs and nothing is lost."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from cli.forked_program import ForkedProgram

TWO = (
    "--trainer.accelerator=cpu",
    "--trainer.devices=2",
    "--trainer.strategy=ddp",
    "--trainer.max_epochs=3",
    "--trainer.limit_train_batches=6",
    "--trainer.limit_val_batches=2",
    "--trainer.enable_progress_bar=false",
    "--run.wandb=off",
    "--run.figures=false",
    "--run.test_after_fit=false",
    "--data.num_workers=0",
)
STEPS, STEPS_AN_EPOCH = 18, 6
# Sends itself a signal at the end of a step.
HIT = """
import os
from lightning.pytorch import Callback

class Hit(Callback):
    def on_train_batch_end(self, trainer, *_):
        place, _, number = os.environ.get("HIT", "").rpartition(" ")
        if place == f"{trainer.global_rank} {trainer.global_step}":
            os.kill(os.getpid(), int(number))
"""


def last(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)


def only_run(root: Path) -> Path:
    (run,) = root.glob("digits/*")
    return run


def child_of(process: ForkedProgram) -> int:
    """The process that waits to be the second, the first of all that it starts."""
    deadline = time.monotonic() + 60
    children: list[str] = []
    while not children:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.001)
        with suppress(OSError):
            path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            children = path.read_text().split()
    return int(children[0])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes by /proc")
def test_a_process_does_not_wait_for_one_that_ended_before_they_met(
    program: Any, digits: str, tmp_path: Path
) -> None:
    process = program.start("fit", digits, *TWO, f"--run.root={tmp_path}", has_spare=True)
    second = child_of(process)
    os.kill(second, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + 120
        while "process 0 of 2 is waiting for the others" not in process._output:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
    finally:
        os.kill(second, signal.SIGCONT)
    # The output ends with the last of the two.
    said = process.communicate(timeout=90)[0]
    assert process.returncode == -signal.SIGTERM
    assert "process 0 has ended, so all processes end; it had not saved a checkpoint yet" in said


@pytest.mark.slow
def test_stopped_and_killed_they_end_together_and_lose_nothing(
    program: Any, digits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hitting.py").write_text(HIT)
    start = ("fit", digits, *TWO, "--trainer.callbacks=hitting.Hit")

    def hit(rank: int, step: int, number: int, *arguments: str) -> tuple[str, int]:
        """What both said until the last of them ended, and the exit code."""
        with monkeypatch.context() as patch:
            patch.setenv("HIT", f"{rank} {step} {number:d}")
            process = program.start(*arguments, has_spare=True)
        return process.communicate(timeout=120)[0], process.returncode

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    program(*start, f"--run.root={whole}", has_spare=True)

    said, code = hit(1, 8, signal.SIGTERM, *start, f"--run.root={cut}")
    run = only_run(cut)
    resume = ("resume", str(run), "--trust")
    assert code == 143, said
    assert f"continue with: multitask resume {run}" in said
    assert "Traceback" not in said
    # In the middle of the second epoch, not at the end of the first.
    reached = last(run)["global_step"]
    assert reached >= 8
    assert reached % STEPS_AN_EPOCH

    said, code = hit(1, 11, signal.SIGKILL, *resume)
    assert code == 1, said
    ended = "process 1 of 2 was ended by SIGKILL, so all processes end; continue with"
    assert said.count(ended) == 1
    assert "Traceback" not in said

    said, code = hit(0, 14, signal.SIGKILL, *resume)
    assert code == -signal.SIGKILL, said
    assert "process 0 has ended, so all processes end; continue with: multitask resume" in said
    assert "Traceback" not in said

    program(*resume, has_spare=True)
    expected, found = last(only_run(whole)), last(run)
    assert found["global_step"] == expected["global_step"] == STEPS
    for name, values in expected["state_dict"].items():
        assert torch.equal(values, found["state_dict"][name]), name
