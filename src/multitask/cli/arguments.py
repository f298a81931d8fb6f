"""From what a person, or a sweep's agent, types to what the parser reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from multitask.cli.config_errors import check_config_files
from multitask.distributed import is_first_process
from multitask.errors import InputError
from multitask.runs.folder import LAST, config_of, folder_of, resumable_run

SETTINGS = ("--ckpt_path", "--data", "--model", "--run", "--seed_everything", "--trainer")
"""Beginnings of the options that a value follows."""
RUN_FOLDER = "MULTITASK_RUN_FOLDER"
"""Environment variable by which the first process tells those it starts the run's folder."""


def resumed_folder(arguments: Sequence[str]) -> Path | None:
    """The folder of the run that ``resume [RUN]`` goes on with, None for other verbs.

    Raises:
        InputError: if there is no such run.
    """
    verb, *rest = _joined(arguments) or [""]
    if verb != "resume":
        return None
    if not is_first_process() and RUN_FOLDER in os.environ:
        return Path(os.environ[RUN_FOLDER])
    runs = [each for each in rest if not each.startswith("-")]
    if len(runs) > 1:
        raise InputError(f"resume goes on with one run, not with {' and '.join(runs)}")
    root = Path((values_of(rest, "run.root") or ["runs"])[-1])
    return resumable_run(runs[0] if runs else None, root)


def prepare(arguments: Sequence[str], resumed: Path | None = None) -> list[str]:
    """Rewrite and check the command line.

    ``resume [RUN]`` becomes a ``fit`` with the run's last configuration and checkpoint. A
    checkpoint without a configuration gets that of its run. Configuration files come first, so
    that arguments count wherever they stand. ``=None``, which is how a sweep writes null, becomes
    ``=null``, and settings whose name begins with an underscore, which an agent repeats from a
    run's record, are dropped.

    Args:
        arguments: the command line, without the program's name.
        resumed: what `resumed_folder` returned.

    Returns:
        The command line for the parser.

    Raises:
        InputError: if a configuration file or the checkpoint is not right.
    """
    plain = [_null(each) for each in _joined(arguments) if not each.startswith("--_")]
    if resumed is not None:
        given = [each for each in plain[1:] if each.startswith("-")]
        plain = ["fit", f"--config={config_of(resumed)}", f"--ckpt_path={resumed / LAST}", *given]
    elif plain[:1] in (["validate"], ["test"], ["predict"]):
        plain = _with_config_of_checkpoint(plain)
    plain = _files_first(plain)
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
        if joined and _takes_value(joined[-1]) and not each.startswith("-"):
            joined[-1] += f"={each}"
        else:
            joined.append(each)
    return joined


def _takes_value(argument: str) -> bool:
    return argument in ("-c", "--config") or (
        argument.startswith("--") and "=" not in argument and argument.split(".")[0] in SETTINGS
    )


def _files_first(arguments: list[str]) -> list[str]:
    is_file = [each.startswith(("--config=", "-c=")) for each in arguments]
    files = [each for each, first in zip(arguments, is_file, strict=True) if first]
    others = [each for each, first in zip(arguments, is_file, strict=True) if not first]
    return [*others[:1], *files, *others[1:]]


def _null(argument: str) -> str:
    name, equals, value = argument.partition("=")
    return f"{name}=null" if equals and value == "None" and name.startswith("--") else argument


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
    return [arguments[0], f"--config={config_of(folder)}", *arguments[1:]]
