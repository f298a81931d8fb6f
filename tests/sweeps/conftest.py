"""W&B's real programs, as a person starts them, with a server of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli.stand_in import StandIn
from sweeps.server import ENTITY, Server
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from multitask.cli.main import main

ROOT = Path(__file__).parents[2]
QUICK = (
    "--trainer.accelerator=cpu",
    "--trainer.limit_train_batches=4",
    "--trainer.limit_val_batches=1",
    "--trainer.limit_test_batches=1",
    "--trainer.max_epochs=1",
    "--trainer.num_sanity_val_steps=0",
    "--trainer.enable_progress_bar=false",
    "--run.figures=false",
)
# The client sends at once, gives up soon, and does not measure the machine: tests must not wait.
CLIENT = {
    "WANDB_API_KEY": "0" * 40,
    "WANDB_ENTITY": ENTITY,
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_FINISH_TIMEOUT": "20",
    "WANDB_X_DISABLE_STATS": "true",
    "WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL": "1",
    "OMP_NUM_THREADS": "1",
}


class Checkout:
    """A folder with what a sweep needs, and the programs run there."""

    client = CLIENT

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("configs", "scripts"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "Makefile", folder)
        self.bin = folder / "bin"
        self.bin.mkdir()
        StandIn(self.bin, has_spare=True)

    def quick_sweep(self, file: str) -> str:
        """Write a sweep like one of the project's, but with trials of a moment.

        Args:
            file: path of the project's sweep, inside the project.

        Returns:
            Path of the other, inside this folder.
        """
        sweep = yaml.safe_load((self.folder / file).read_text())
        *command, arguments = sweep["command"]
        sweep["command"] = [*command, *QUICK, arguments]
        (self.folder / "quick.yaml").write_text(yaml.safe_dump(sweep))
        return "quick.yaml"

    def start(self, server: Server, *command: str, **variables: str) -> subprocess.Popen[str]:
        """Start a program that knows this server alone.

        Args:
            server: the server.
            command: the program and its arguments.
            variables: further environment variables.
        """
        own = ("ARGS", "MAKE", "MFLAGS", "MULTITASK_", "PL_GLOBAL_SEED", "SLURM_", "WANDB_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        where = {
            "PATH": os.pathsep.join(map(str, [self.bin, Path(sys.executable).parent]))
            + os.pathsep
            + os.environ["PATH"],
            "VIRTUAL_ENV": str(self.folder),
            "WANDB_BASE_URL": server.url,
            "WANDB_CACHE_DIR": str(self.folder),
            "WANDB_CONFIG_DIR": str(self.folder),
            "WANDB_DATA_DIR": str(self.folder),
        }
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**kept, **CLIENT, **where, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def output(self, process: subprocess.Popen[str], seconds: float = 200) -> str:
        """Wait for a program's end, and return what it said."""
        try:
            return process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"it did not end:\n{process.communicate()[0]}") from None

    def run_folder(self, display_name: str) -> Path:
        """The folder of a run by its name at W&B."""
        return self.folder / "runs" / "digits" / display_name


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A folder with what a sweep needs."""
    return Checkout(tmp_path)


def reached(config: dict[str, Any], name: str) -> Any:
    """What a configuration says under a dotted name, which leaves ``init_args`` out."""
    found: Any = config
    for key in name.split("."):
        found = found[key] if key in found else found["init_args"][key]
    return found


def says(found: Any, given: Any) -> bool:
    """Whether a part of a configuration says what was given for it, and perhaps more.

    Args:
        found: from the configuration, in which classes stand in full.
        given: as a person or a sweep writes it, a class also by its path alone.
    """
    if isinstance(given, dict):
        return all(name in found and says(found[name], each) for name, each in given.items())
    if isinstance(found, dict) and "class_path" in found:
        return bool(found["class_path"] == given)
    return bool(found == given)


def is_set(config: dict[str, Any], name: str, value: Any) -> bool:
    """Whether a configuration has a parameter's value, which may be JSON or name a file."""
    meant = value
    if isinstance(value, str) and value.startswith("{"):
        meant = yaml.safe_load(value)
    elif isinstance(value, str) and value.endswith(".yaml"):
        meant = yaml.safe_load((ROOT / value).read_text())
    return says(reached(config, name), meant)


@pytest.fixture(scope="session")
def has_parameters() -> Callable[[dict[str, Any], dict[str, Any]], bool]:
    """Whether a configuration has all that a sweep has given."""
    return lambda config, given: all(is_set(config, *each) for each in given.items())


def trials(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Trials in which every value of every parameter occurs, or both ends of its range."""
    columns: dict[str, list[Any]] = {}
    for name, each in parameters.items():
        ends = [each.get("min", each.get("value")), each.get("max", each.get("value"))]
        columns[name] = each.get("values", ends)
    longest = max(map(len, columns.values()))
    return [
        {name: values[row % len(values)] for name, values in columns.items()}
        for row in range(longest)
    ]


@pytest.fixture
def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[dict[str, Any], list[str]], list[Any]]:
    """Gives the real program each value of a sweep's parameters, as an agent does.

    Returns the trials whose values do not arrive, with what the program says.
    """
    monkeypatch.chdir(ROOT)

    def check(parameters: dict[str, Any], command: list[str]) -> list[Any]:
        wrong = []
        for trial in trials(parameters):
            suggested = {name: {"value": value} for name, value in trial.items()}
            arguments = create_sweep_command_args({"args": suggested})["args"]
            with pytest.raises(SystemExit):
                main([*command, *arguments, "--print_config"])
            said = capsys.readouterr()
            config = yaml.safe_load(said.out)
            if not config or not all(is_set(config, *each) for each in trial.items()):
                wrong.append((trial, said.err))
        return wrong

    return check
