"""The sweeps of the project fit its program, and its page fits both."""

from __future__ import annotations

import math
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from multitask.study.searching.sweep_file import read_sweep_file

ROOT = Path(__file__).parents[2]
SWEEPS = {path.stem: yaml.safe_load(path.read_text()) for path in ROOT.glob("configs/sweep/*.yaml")}
PAGE = (ROOT / "docs/sweeps.md").read_text()
by_name = pytest.mark.parametrize("name", sorted(SWEEPS))
Refused = Callable[[dict[str, Any], list[str]], list[Any]]


def blocks(kind: str) -> list[str]:
    """The page's fenced blocks of a kind."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.S)


@by_name
def test_sweep_maximises_the_score_of_an_experiment(name: str) -> None:
    sweep = SWEEPS[name]
    assert sweep["name"] == name
    assert (sweep["project"], sweep["program"]) == ("multitask", "multitask")
    assert sweep["metric"] == {"name": "val/score", "goal": "maximize"}
    *program, experiment, arguments = sweep["command"]
    assert program == ["${env}", "${interpreter}", "-m", "multitask", "fit", "--config"]
    assert (ROOT / experiment).is_file()
    assert arguments == "${args}"


@by_name
def test_program_takes_every_parameter(name: str, refused: Refused) -> None:
    assert refused(SWEEPS[name]["parameters"], SWEEPS[name]["command"][4:-1]) == []


def test_wrong_parameter_is_noticed(refused: Refused) -> None:
    command = SWEEPS["balancers"]["command"][4:-1]
    ((_, said),) = refused({"model.optimiser.lr": {"values": [0.1]}}, command)
    assert "optimiser" in said


def test_program_takes_the_parameters_of_the_page(refused: Refused) -> None:
    (block,) = blocks("yaml")
    parameters = yaml.safe_load(block)["parameters"]
    assert refused(parameters, SWEEPS["balancers"]["command"][4:-1]) == []


def test_page_describes_each_sweep() -> None:
    rows = re.findall(r"^\| `(\w+)\.yaml` \| (\w+)(?:, (\d+) runs)? \|", PAGE, re.M)
    described = {name: (method.lower(), int(runs)) for name, method, runs in rows}
    assert described == {
        name: (
            sweep["method"],
            sweep.get("run_cap")
            or math.prod(len(each["values"]) for each in sweep["parameters"].values()),
        )
        for name, sweep in SWEEPS.items()
    }
    stop = SWEEPS["tuning"]["early_terminate"]
    assert f"`min_iter: {stop['min_iter']}` and `eta: {stop['eta']}`" in PAGE


def test_commands_of_the_page_are_commands() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    environment["VIRTUAL_ENV"] = "/environment"
    for block in blocks("bash"):
        script = block.replace("make ", "make -n ").replace("source ", ": ").replace("&", "")
        # What needs a server is run against one in test_agents, the rest in study/searching.
        for command in ("wandb agent", "multitask sweep", "pip install"):
            script = script.replace(command, f": {command}")
        done = subprocess.run(
            ["bash", "-ec", script], cwd=ROOT, capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
        for file in re.findall(r"multitask sweep (\S+)", block):
            assert read_sweep_file(ROOT / file).cap > 1
        for verb in re.findall(r"^.*make (\w+)", block, re.M):
            assert f"scripts/sweep.py {verb.replace('sweep', 'create')} " in done.stdout
