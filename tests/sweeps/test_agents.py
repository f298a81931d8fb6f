"""A sweep by two agents at once: what was asked is what ran, and all of it is at the server.

Four trials of all kinds, one that fails, and one that is stopped early.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sweeps.artifact_server import ArtifactServer
from sweeps.server import ENTITY, SWEEP, Run

from multitask.cli.sweep_report_command import sweep_report_command

# One of each kind of parameter: class, file, JSON, number, list, boolean, null; and two processes.
TRIALS: list[dict[str, Any]] = [
    {
        "model.balancer": "configs/balancer/uncertainty.yaml",
        "model.encoder.channels": [4, 8],
        "seed_everything": 3,
        "model.optimizer.amsgrad": True,
    },
    {
        "model.balancer": "configs/balancer/weight_average.yaml",
        "model.tasks.digit.head": "multitask.heads.MLPHead",
        "data.labelled_per_batch": None,
        "run.figures": True,
    },
    {
        "model.balancer": "configs/balancer/impartial.yaml",
        "model.tasks.glyph.weight": 0.25,
        # Lightning takes a word too, and keeps it one.
        "trainer.devices": "2",
        "trainer.strategy": "ddp",
    },
    {
        "model.balancer": '{"class_path": "multitask.balancing.GradientBalancer", '
        '"init_args": {"method": "multitask.balancing.weightings.MGDA", "every": 2}}',
        "model.optimizer.lr": 1e-05,
        "model.optimizer.amsgrad": False,
    },
]
STOPPED = {"trainer.max_epochs": 100_000}
DIVERGED = {"model.optimizer.lr": 1e30, "trainer.max_epochs": 3}
STEPS = 4
MAKE = ("make", "--no-print-directory", "-o", "setup")
# What SLURM sets in a job of one task; the job has the name that docs/sweeps.md gives it.
SLURM = {
    "SLURM_JOB_ID": "1",
    "SLURM_JOB_NAME": "interactive",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
    "SLURM_NTASKS": "1",
    "SLURM_PROCID": "0",
}

HasParameters = Callable[[dict[str, Any], dict[str, Any]], bool]


def does_badly(run: Run) -> bool:
    """Early termination's judgement, after two validations."""
    return run.parameters == STOPPED and len(run.values("val/score")) >= 2


# One test, because the sweep takes long, and tests of another process could not share it.
@pytest.mark.slow
def test_two_agents_share_a_sweep(
    checkout: Any, has_parameters: HasParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multitask.study.report.draw", lambda *_: {})
    trials = [STOPPED, DIVERGED, *TRIALS]
    with ArtifactServer(trials, does_badly) as server:
        file = checkout.quick_sweep("configs/sweep/balancers.yaml")
        created = checkout.output(checkout.start(server, *MAKE, "sweep", f"SWEEP={file}"))
        commands = re.search(r"(wandb agent \S+)\n.*make (agent ID=\S+)", created, re.S)
        assert commands, created
        with_make = checkout.start(server, *MAKE, *commands[2].split(), **SLURM)
        without = checkout.start(server, *commands[1].split(), **SLURM)
        said, also_said = checkout.output(with_make), checkout.output(without)
        for name, value in {**checkout.client, "WANDB_BASE_URL": server.url}.items():
            monkeypatch.setenv(name, value)
        reported = report(f"{ENTITY}/multitask/{SWEEP}", checkout.folder / "from-server")
    assert server.unknown == []
    assert "1 of the sweep's 6 runs so far failed." in said
    assert with_make.returncode != 0
    assert without.returncode == 0, also_said

    stopped, diverged, *others = server.runs.values()
    assert [run.parameters for run in server.runs.values()] == trials
    assert len({run.agent for run in others}) == 2
    assert (diverged.state, diverged.exit_codes) == ("failed", [2])
    assert "became NaN or infinite" in said + also_said
    check_stopped(stopped, checkout.run_folder(stopped.display_name))
    for run in others:
        assert has_parameters(run.config, run.parameters), run.parameters
        # And under its own name, as the sweep's page has it.
        assert run.parameters.items() <= run.config.items()
        check_finished(run, checkout.run_folder(run.display_name))
    folders = sorted(path.name for path in checkout.run_folder("").iterdir())
    assert folders == sorted(run.display_name for run in server.runs.values())
    assert reported.split("## How to reproduce this")[0].count("| failed |") == 2
    # After so short a training, tasks may still be worse than trivial, just below 0.
    scores = re.findall(r"^\| [^|]*balancer=[^|]* \| (-?[\d.e-]+) \| 1 \|$", reported, re.M)
    assert len(scores) == len(TRIALS)
    assert all(-0.001 <= float(each) <= 1 for each in scores)
    # The same from the folders of the runs, as after runs that were offline.
    from_folders = report(str(checkout.run_folder("")), checkout.folder / "from-folders")
    tables = [section.split("##")[0] for section in (reported, from_folders)]
    assert tables[0] == tables[1]


def report(source: str, folder: Path) -> str:
    sweep_report_command([source, f"--folder={folder}"])
    return (folder / f"sweep-{SWEEP}" / "report.md").read_text()


def check_stopped(run: Run, folder: Path) -> None:
    """It has ended well, with the score that it had, and could go on."""
    assert run.is_stopped
    assert (run.state, run.exit_codes) == ("finished", [0])
    scores = run.values("val/score")
    assert len(scores) >= 2
    assert run.summary["val/score"] == pytest.approx(scores[-1])
    assert run.summary["best/score"] == pytest.approx(max(scores))
    for name in ("best", "last"):
        content = torch.load(folder / f"checkpoints/{name}.ckpt", weights_only=True)
        assert content["global_step"] >= STEPS


def check_finished(run: Run, folder: Path) -> None:
    """It has been trained and tested once, also by two processes, and all of it is there."""
    assert (run.starts, run.exit_codes, run.sweep) == (1, [0], "the-sweep")
    expected: dict[str, list[float]] = {}
    with (folder / "metrics.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            expected.setdefault(row["name"], []).append(float(row["value"]))
    assert {"train/loss", "val/digit/accuracy", "val/score", "test/glyph/r2"} <= set(expected)
    for name, values in expected.items():
        assert run.values(name) == pytest.approx(values, nan_ok=True), name
    # A plain number, which is what W&B can optimise.
    assert run.summary["val/score"] == pytest.approx(expected["val/score"][-1])
    for name in ("test/digit/accuracy", "test/glyph/r2"):
        assert run.summary[name]["last"] == pytest.approx(expected[name][-1])
    is_drawn = any(name.startswith("media/images/figures/test") for name in run.files)
    assert is_drawn == run.parameters.get("run.figures", False)
    content = torch.load(folder / "checkpoints/best.ckpt", weights_only=True)
    assert content["global_step"] == STEPS
