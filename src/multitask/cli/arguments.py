"""Preparation of the command line, from a user or a sweep's agent, for the parser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from multitask.configuration.offered import ENDINGS, find_config
from multitask.configuration.written_arguments import joined, values_of
from multitask.errors import InputError
from multitask.runs.deciding_files import whole_config
from multitask.runs.folder import folder_of


def prepare(arguments: Sequence[str]) -> list[str]:
    """Rewrite the command line.

    A checkpoint without a configuration gets that of its run. Configuration files included in the
    package are found by name. Configuration files are moved to the front, so that arguments
    override them wherever they are. ``=None``, which is how a sweep writes null, becomes ``=null``.
    Settings whose name begins with an underscore, which an agent copies from a run's record, are
    dropped.

    Args:
        arguments: the command line, without the program's name.

    Returns:
        The command line for the parser.

    Raises:
        InputError: if the checkpoint or its configuration is missing.
    """
    plain = [_found(_null(each)) for each in joined(arguments) if not each.startswith("--_")]
    if plain[:1] in (["validate"], ["test"], ["predict"]):
        plain = _with_config_of_checkpoint(plain)
    files = [each for each in plain if each.startswith(("--config=", "-c="))]
    others = [each for each in plain if each not in files]
    return [*others[:1], *files, *others[1:]]


def _null(argument: str) -> str:
    name, equals, value = argument.partition("=")
    return f"{name}=null" if equals and value == "None" and name.startswith("--") else argument


def _found(argument: str) -> str:
    name, _, value = argument.partition("=")
    names_file = name in ("--config", "-c") or (name.startswith("--") and value.endswith(ENDINGS))
    return f"{name}={find_config(value)}" if value and names_file else argument


def _with_config_of_checkpoint(arguments: list[str]) -> list[str]:
    checkpoints = values_of(arguments, "ckpt_path")
    if not checkpoints:
        images = ", or a checkpoint and images" if arguments[0] == "predict" else ""
        raise InputError(
            f"{arguments[0]} needs a checkpoint: give --ckpt_path=runs/.../checkpoints/best.ckpt"
            f"{images}"
        )
    path = Path(checkpoints[-1])
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}")
    if values_of(arguments, "config", "c"):
        return arguments
    folder = folder_of(path)
    if folder is None:
        raise InputError(
            f"{path} is not in the folder of a run; give the configuration that it was trained "
            "with: --config=..."
        )
    return [arguments[0], f"--config={whole_config(folder)}", *arguments[1:]]
