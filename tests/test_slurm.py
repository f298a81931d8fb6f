"""scripts/slurm.sh with programs that stand for SLURM's, and write down what they are given."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from cli.stand_in import StandIn

from multitask.cli.main import main

ROOT = Path(__file__).parents[1]
# Starts tasks as srun does, all on one node, and ends with the highest exit code.
SRUN = """\
echo "$@" >> "$RECORD/srun"
code=0
for task in $(seq 0 $((SLURM_NTASKS - 1))); do
  SLURM_PROCID=$task SLURM_LOCALID=$task SLURM_NODEID=0 "$@" &
  tasks="$tasks $!"
done
for task in $tasks; do
  wait $task || { found=$?; [ $found -gt $code ] && code=$found; }
done
exit $code
"""
# Stands for training, where that is not what is tested.
PYTHON = 'echo "$@" >> "$RECORD/python"; sleep "${SECONDS_LONG:-0}"; exit "$CODE"'
PREEMPTION = """\
import os, signal
from lightning.pytorch import Callback

class Preemption(Callback):
    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == 4:
            os.kill(os.getpid(), signal.SIGTERM)
"""
ARGUMENTS = (
    "--config=configs/experiment/digits.yaml",
    "--config=configs/trainer/multinode.yaml",
    "--trainer.accelerator=cpu",
    "--trainer.precision=64-true",
    "--trainer.max_epochs=2",
    "--trainer.limit_train_batches=8",
    "--trainer.limit_val_batches=2",
    "--trainer.enable_progress_bar=false",
    "--run.wandb=off",
    "--run.figures=false",
    "--run.test_after_fit=false",
)


class Cluster:
    """A folder with the project's scripts, and a job that is started there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir()
        for name in ("configs", "scripts"):
            shutil.copytree(ROOT / name, folder / name)
        self.program("srun", SRUN)
        self.program("scontrol", 'echo "$@" >> "$RECORD/scontrol"')

    def program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def start(self, *arguments: str, tasks: int = 1, **variables: str) -> subprocess.Popen[str]:
        own = ("MULTITASK_", "PL_GLOBAL_SEED", "SLURM_", "WANDB_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        slurm = {
            "SLURM_JOB_ID": "4711",
            "SLURM_JOB_NAME": "multitask",
            "SLURM_NTASKS": str(tasks),
            "SLURM_NTASKS_PER_NODE": str(tasks),
            "SLURM_NNODES": "1",
        }
        path = os.pathsep.join([str(self.bin), str(Path(sys.executable).parent), kept["PATH"]])
        where = {"PATH": path, "RECORD": str(self.folder), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            ["bash", "scripts/slurm.sh", *arguments],
            cwd=self.folder,
            env={**kept, **where, **slurm, "VIRTUAL_ENV": sys.prefix, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def recorded(self, program: str) -> list[str]:
        path = self.folder / program
        return path.read_text().splitlines() if path.exists() else []

    def run(self) -> Path:
        (run,) = self.folder.glob("runs/slurm/4711/digits/*")
        return run


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def saved(run: Path) -> dict[str, torch.Tensor]:
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"]


@pytest.mark.slow
def test_preempted_job_goes_on_also_with_fewer_tasks(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cluster.folder / "preemption.py").write_text(PREEMPTION)
    StandIn(cluster.bin)
    command = (*ARGUMENTS, "--trainer.callbacks=preemption.Preemption")
    first = cluster.start(*command, tasks=2)
    said = first.communicate(timeout=200)[0]
    assert first.returncode == 143, said
    assert "Traceback" not in said
    assert cluster.recorded("scontrol") == ["requeue 4711"]
    folder = "runs/slurm/4711"
    assert cluster.recorded("srun") == [
        f"bash scripts/train_or_resume.sh {folder} {' '.join(command)}"
    ]
    assert (
        0
        < torch.load(cluster.run() / "checkpoints/last.ckpt", weights_only=True)["global_step"]
        < 8
    )

    second = cluster.start(*command, tasks=1)
    said = second.communicate(timeout=200)[0]
    assert second.returncode == 0, said
    assert cluster.recorded("scontrol") == ["requeue 4711"]
    assert (cluster.run() / "config-2.yaml").exists()

    monkeypatch.chdir(cluster.folder)
    main(["fit", *ARGUMENTS, "--run.root=whole"])
    (whole,) = cluster.folder.glob("whole/digits/*")
    expected, found = saved(whole), saved(cluster.run())
    assert max(float((expected[name] - found[name]).abs().max()) for name in expected) < 1e-10


def test_first_start_trains_and_later_ones_go_on(cluster: Cluster) -> None:
    cluster.program("python", PYTHON)
    checkpoint = cluster.folder / "runs/slurm/4711/digits/20260101/checkpoints/last.ckpt"
    for _ in range(2):
        assert cluster.start("--config=a b.yaml", CODE="0").wait(20) == 0
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.touch()
    assert cluster.recorded("python") == [
        "-m multitask fit --config=a b.yaml --run.root=runs/slurm/4711",
        "-m multitask resume --run.root=runs/slurm/4711 --trust",
    ]


@pytest.mark.parametrize(("code", "requeued"), [(0, False), (1, False), (2, False), (143, True)])
def test_only_a_stopped_job_is_requeued(code: int, requeued: bool, cluster: Cluster) -> None:
    cluster.program("python", PYTHON)
    assert cluster.start(CODE=str(code)).wait(20) == code
    assert cluster.recorded("scontrol") == (["requeue 4711"] if requeued else [])


def test_cancelled_job_is_not_requeued(cluster: Cluster) -> None:
    cluster.program("python", PYTHON)
    job = cluster.start(CODE="143", SECONDS_LONG="1")
    deadline = time.monotonic() + 20
    while not cluster.recorded("python"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    job.send_signal(signal.SIGTERM)
    assert job.wait(20) == 143
    assert cluster.recorded("scontrol") == []


def test_the_scripts_options_are_those_that_the_program_needs() -> None:
    options = [
        line.removeprefix("#SBATCH --")
        for line in (ROOT / "scripts/slurm.sh").read_text().splitlines()
        if line.startswith("#SBATCH")
    ]
    given = dict(each.split("=", 1) for each in options if "=" in each)
    # To the tasks, not to the shell alone, and not the signal at which Lightning requeues itself.
    assert given["signal"].startswith("TERM@")
    assert "requeue" in options
    # Lightning counts by these, and takes a job of this name for one without tasks.
    assert given["ntasks-per-node"] == given["gpus-per-node"]
    assert given["job-name"] not in ("bash", "interactive")
