"""From what a person, or a sweep's agent, types to what the parser reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from multitask.cli.config_errors import check_config_files
from multitask.errors import InputError
from multitask.runs.folder import CONFIG, LAST, folder_of, resumable_run

RESUMED = "MULTITASK_RESUMED_RUN"
"""Environment variable with the folder of the run that goes on, for all processes of a run."""


def prepare(arguments: Sequence[str]) -> list[str]:
    """Rewrite and check the command line.

    ``resume [RUN]`` becomes a ``fit`` with the run's configuration and last checkpoint. A
    checkpoint without a configuration gets that of its run. ``=None``, which is how a sweep
    writes null, becomes ``=null``, and settings whose name begins with an underscore, which an
    agent repeats from a run's record, are dropped.

    Args:
        arguments: the command line, without the program's name.

    Returns:
        The command line for the parser.

    Raises:
        InputError: if a configuration file or the checkpoint is not right.
    """
    plain = [_null(each) for each in _joined(arguments) if not each.startswith("--_")]
    if plain[:1] == ["resume"]:
        plain = _resume(plain[1:])
    elif plain[:1] in (["validate"], ["test"], ["predict"]):
        plain = _with_config_of_checkpoint(plain)
    check_config_files([Path(path) for path in values_of(plain, "config", "c")], plain)
    return plain


def values_of(arguments: Sequence[str], *names: str) -> list[str]:
    """The values given to an option such as ``config``, in their order."""
    options = [f"{'-' if len(name) == 1 else '--'}{name}=" for name in names]
    return [
        each.removeprefix(option)
        for each in arguments
        for option in options
        if each.startswith(option)
    ]


def _joined(arguments: Sequence[str]) -> list[str]:
    # One form, --key=value, for everything that looks at arguments.
    joined: list[str] = []
    for each in arguments:
        opened = joined and joined[-1] in ("--config", "-c", "--ckpt_path", "--run.root")
        if opened and not each.startswith("-"):
            joined[-1] += f"={each}"
        else:
            joined.append(each)
    return joined


def _null(argument: str) -> str:
    name, equals, value = argument.partition("=")
    return f"{name}=null" if equals and value == "None" and name.startswith("--") else argument


def _resume(arguments: list[str]) -> list[str]:
    run = arguments.pop(0) if arguments and not arguments[0].startswith("-") else None
    root = Path((values_of(arguments, "run.root") or ["runs"])[-1])
    folder = Path(os.environ[RESUMED]) if RESUMED in os.environ else resumable_run(run, root)
    os.environ[RESUMED] = str(folder)
    config, checkpoint = folder / CONFIG, folder / LAST
    return ["fit", f"--config={config}", f"--ckpt_path={checkpoint}", *arguments]


def _with_config_of_checkpoint(arguments: list[str]) -> list[str]:
    checkpoints = values_of(arguments, "ckpt_path")
    if not checkpoints:
        raise InputError(
            f"{arguments[0]} needs a checkpoint: give --ckpt_path=runs/.../checkpoints/best.ckpt"
        )
    path = Path(checkpoints[-1])
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}")
    if values_of(arguments, "config", "c"):
        return arguments
    folder = folder_of(path)
    if folder is None:
        raise InputError(
            f"{path} lies in no run's folder, so give the configuration that it was trained with: "
            "--config=..."
        )
    return [arguments[0], f"--config={folder / CONFIG}", *arguments[1:]]
