"""The commands of docs/many_processes.md are commands, and its table names files that there are."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from torch.distributed.run import get_args_parser

from multitask.cli.main import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/many_processes.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.S)
    for line in block.strip().splitlines()
]
TRAINED_HERE = ("multitask", "torchrun", "sbatch")


def arguments_of(command: str) -> list[str]:
    """The program's part of a command, with which it is the same however it is started."""
    words = shlex.split(command)
    if words[0] == "torchrun":
        options = get_args_parser().parse_args(words[1:])
        assert (options.module, options.no_python) in ((True, False), (False, True))
        words = [options.training_script, *options.training_script_args]
    elif words[0] == "sbatch":
        words = words[1:]
    if words[0].endswith(".sh"):
        script = ROOT / words[0]
        assert os.access(script, os.X_OK)
        is_job = "sbatch" in command
        words = ["multitask", "fit", *words[1 if is_job else 2 :]]
    assert words[0] == "multitask"
    return words[1:]


@pytest.mark.parametrize(
    "command", [each for each in COMMANDS if each.startswith(TRAINED_HERE)], ids=str
)
def test_program_takes_the_command(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as stopped:
        main([*arguments_of(command), "--print_config"])
    assert not stopped.value.code
    assert yaml.safe_load(capsys.readouterr().out)["run"]["experiment"] == "digits"


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("make")], ids=str)
def test_make_takes_the_command(command: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    environment["VIRTUAL_ENV"] = "/environment"
    words = shlex.split(command)
    done = subprocess.run([*words, "-n"], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "--config configs/trainer/" in done.stdout


def test_no_command_is_left_out() -> None:
    assert len(COMMANDS) >= 7
    others = [each for each in COMMANDS if not each.startswith((*TRAINED_HERE, "make"))]
    assert others == ["mkdir -p runs/slurm"]


def test_table_names_the_files() -> None:
    named = re.findall(r"^\| `(\w+\.yaml)` \|", PAGE, re.M)
    assert sorted(named) == sorted(path.name for path in (ROOT / "configs/trainer").glob("*"))
