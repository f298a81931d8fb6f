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
    "--trainer.max_epochs=4",
    "--trainer.log_every_n_steps=1",
    "--trainer.enable_progress_bar=false",
    "--run.wandb=off",
    "--run.figures=false",
    "--run.test_after_fit=false",
    "--data.num_workers=0",
)


def last(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)


def only_run(root: Path) -> Path:
    (run,) = root.glob("digits/*")
    return run


def steps(root: Path) -> int:
    files = list(root.glob("digits/*/metrics.csv"))
    lines = files[0].read_text().splitlines()[1:] if files else []
    return int(lines[-1].split(",")[0]) if lines else 0


def child_of(process: ForkedProgram) -> int:
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(child)


def has_started_another(process: ForkedProgram) -> bool:
    for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        # Others are commands such as git's, which end soon.
        with suppress(OSError):
            if "__main__.py" in Path(f"/proc/{child}/cmdline").read_text():
                return True
    return False


def hit(
    process: ForkedProgram, root: Path, after: int, number: int, child: bool
) -> tuple[str, int]:
    """Send a signal to one of the two after a step; returns what they said, and the exit code.

    All of them must end within a minute, since the output ends with the last of them.
    """
    deadline = time.monotonic() + 120
    while steps(root) < after:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child_of(process) if child else process.pid, number)
    return process.communicate(timeout=60)[0], process.returncode


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes by /proc")
def test_a_process_does_not_wait_for_one_that_ended_before_they_met(
    program: Any, digits: str, tmp_path: Path
) -> None:
    process = program.start("fit", digits, *TWO, f"--run.root={tmp_path}")
    deadline = time.monotonic() + 120
    while not has_started_another(process):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    # The output ends with the last of the two.
    said = process.communicate(timeout=90)[0]
    assert process.returncode == -signal.SIGTERM
    assert "process 0 has ended, so all processes end; it had not saved a checkpoint yet" in said


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes by /proc")
def test_stopped_and_killed_they_end_together_and_lose_nothing(
    program: Any, digits: str, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    program("fit", digits, *TWO, f"--run.root={whole}", has_spare=True)

    process = program.start("fit", digits, *TWO, f"--run.root={cut}", has_spare=True)
    said, code = hit(process, cut, 70, signal.SIGTERM, child=True)
    run = only_run(cut)
    assert code == 143, said
    assert f"continue with: multitask resume {run}" in said
    assert "Traceback" not in said
    # In the middle of the second epoch, not at the end of the first.
    reached = last(run)["global_step"]
    assert reached >= 70
    assert reached % 60

    process = program.start("resume", str(run), has_spare=True)
    said, code = hit(process, cut, 130, signal.SIGKILL, child=True)
    assert code == 1, said
    ended = "process 1 of 2 was ended by SIGKILL, so all processes end; continue with"
    assert said.count(ended) == 1
    assert "Traceback" not in said

    process = program.start("resume", str(run), has_spare=True)
    said, code = hit(process, cut, 190, signal.SIGKILL, child=False)
    assert code == -signal.SIGKILL, said
    assert "process 0 has ended, so all processes end; continue with: multitask resume" in said
    assert "Traceback" not in said

    program("resume", str(run), has_spare=True)
    expected, found = last(only_run(whole)), last(run)
    assert found["global_step"] == expected["global_step"] == 240
    for name, values in expected["state_dict"].items():
        assert torch.equal(values, found["state_dict"][name]), name
