"""Two processes never train one run, and a finished run is left as it is."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from multitask.checkpoints.named_checkpoint import LAST

SLOW = """\
import time
from lightning.pytorch import Callback

class Slow(Callback):
    def on_train_batch_end(self, *_):
        time.sleep(0.2)
"""


def state(run: Path) -> dict[Path, tuple[bytes, int]]:
    files = [path for path in run.rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def wait_for(path: Path, process: Any) -> Path:
    deadline = time.monotonic() + 60
    while not (found := list(Path().glob(str(path)))):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found[0]


@pytest.mark.slow
def test_a_run_that_trains_cannot_be_resumed(
    program: Any, fails: Callable[..., str], quick: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "slowing.py").write_text(SLOW)
    epochs = "--trainer.max_epochs=30"
    # A program that is started by nohup, as these tests may be, is not stopped by it.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    first = program.start("fit", *quick, epochs, "--trainer.callbacks=slowing.Slow")
    signal.signal(signal.SIGHUP, before)
    run = wait_for(Path("runs/digits/*") / LAST, first).parents[1]
    log = (run / "log.txt").read_bytes()
    said = fails("resume", str(run))
    assert f"{run}: process {first.pid} on " in said
    assert "is training this run; wait until it has finished, or stop it, and then resume" in said
    assert not (run / "config-2.yaml").exists()
    assert (run / "log.txt").read_bytes().startswith(log)
    assert said not in (run / "log.txt").read_text()
    # Closing the terminal is a stop like SIGTERM: with a checkpoint.
    first.send_signal(signal.SIGHUP)
    said, _ = first.communicate(timeout=60)
    assert first.returncode == 143, said
    assert f"continue with: multitask resume {run}" in said
    with (run / "metrics.csv").open(newline="") as file:
        steps = [int(row[0]) for row in list(csv.reader(file))[1:]]
    saved = torch.load(run / LAST, weights_only=True)["global_step"]
    assert saved >= max(steps)
    # Two that resume at the same moment.
    start = (
        "resume",
        str(run),
        "--trust",
        "--trainer.callbacks=null",
        f"--trainer.max_epochs={saved // 4 + 2}",
    )
    both = [program.start(*start) for _ in range(2)]
    outputs = [each.communicate(timeout=120)[0] for each in both]
    assert sorted(each.returncode for each in both) == [0, 2], outputs
    assert sum("is training this run; wait" in each for each in outputs) == 1
    assert not (run / "config-3.yaml").exists()


@pytest.mark.slow
def test_a_finished_run_is_left_as_it_is(
    multitask: Callable[..., None],
    fails: Callable[..., str],
    quick: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    empty_pictures: None,
) -> None:
    multitask("fit", *quick, "--run.figures=true")
    (run,) = Path("runs/digits").iterdir()
    before = state(run)
    for arguments in ((), ("--trainer.max_epochs=1",), ("--data.batch_size=40",)):
        capsys.readouterr()
        multitask("resume", str(run), *arguments)
        said = capsys.readouterr().out
        assert f"{run} finished after 1 epoch, so there is nothing to do; train it" in said
        assert f"multitask resume {run} --trainer.max_epochs=2" in said
        assert state(run) == before
    # A test was not asked for, and is now.
    more = ("--trainer.max_epochs=2", "--run.test_after_fit=false", "--run.figures=false")
    multitask("resume", str(run), *more)
    assert "test/digit/accuracy" not in metrics(run)
    multitask("resume", str(run), "--run.test_after_fit=true")
    assert "test/digit/accuracy" in metrics(run)
    assert torch.load(run / LAST, weights_only=True)["global_step"] == 8


def test_what_decides_is_read_from_its_spare(
    multitask: Callable[..., None],
    quick: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    multitask("fit", *quick)
    (run,) = Path("runs/digits").iterdir()
    whole, moved = tmp_path / "whole", tmp_path / "moved"
    shutil.copytree(run, whole)
    shutil.move(run, moved)
    config = moved / "config.yaml"
    config.write_bytes(config.read_bytes()[:300])
    (moved / "summary.json").write_text("")
    (moved / "metrics.csv").write_text("")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        multitask("resume", str(moved), "--trainer.max_epochs=2")
    assert f"{config} has been cut short, so {moved}/spare/config.yaml" in capsys.readouterr().out
    texts = [str(each.message) for each in told]
    assert not [each for each in texts if "dirpath has changed" in each]
    assert len([each for each in texts if "metrics.csv has changed since" in each]) == 1
    multitask("resume", str(whole), "--trainer.max_epochs=2")
    weights = [torch.load(each / LAST, weights_only=True)["state_dict"] for each in (moved, whole)]
    assert all(torch.equal(each, weights[1][name]) for name, each in weights[0].items())
    first, second = ((each / "metrics.csv").read_text().splitlines() for each in (moved, whole))
    assert first[0] == "step,epoch,name,value"
    assert set(without_speed(first)) < set(without_speed(second))
    assert not os.path.exists(run)


def metrics(run: Path) -> dict[str, float]:
    return json.loads((run / "summary.json").read_text())["metrics"]


def without_speed(lines: list[str]) -> list[str]:
    return [line for line in lines if "samples_per_second" not in line]
