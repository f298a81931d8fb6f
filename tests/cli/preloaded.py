"""What processes have before they are forked: what a training imports and makes at its start."""

from __future__ import annotations

import atexit
import os
import tempfile
from functools import cache
from pathlib import Path

import attrs  # noqa: F401
import cli.forked_program  # noqa: F401
import requests  # noqa: F401
import sklearn.datasets  # noqa: F401
import timm  # noqa: F401
import wandb.apis.public
import wandb.sdk.launch  # noqa: F401
from cli.made_once import build_parsers_once, pose_digits_once
from wandb.sdk.data_types._private import MEDIA_TMP

import multitask.cli.run_command  # noqa: F401
from multitask.cli.arguments import prepare
from multitask.cli.command_line import CommandLine

EXPERIMENT = Path(__file__).parents[2] / "configs/experiment/digits.yaml"


class OwnFolder(tempfile.TemporaryDirectory[str]):
    """W&B's folder of pictures, which is removed at the end of a process: each has one."""

    name = property(lambda self: folder_of(os.getpid()), lambda self, name: None)  # type: ignore[assignment]


@cache
def folder_of(process: int) -> str:
    """Make the folder of a process."""
    folder = tempfile.TemporaryDirectory("wandb-media")
    atexit.register(folder.cleanup)
    return folder.name


MEDIA_TMP.__class__ = OwnFolder
build_parsers_once()
pose_digits_once()
CommandLine(prepare(["fit", f"--config={EXPERIMENT}"])).datamodule.setup()
