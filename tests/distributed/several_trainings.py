"""Trains several times in the same processes, because their start takes long.

``several_trainings.py FILE``: the file is JSON, a list of command lines of the program. In an
argument, ``{NAME}`` is the folder of the only run below NAME. torchrun starts this as any program.
The backend of ``torch.compile`` is one that needs no C++ compiler, and little time.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from pathlib import Path

import torch
from torch import nn

from multitask.cli.main import main


def with_folders(argument: str) -> str:
    """Put a run's folder in the place of each name in braces."""
    return re.sub(r"\{([\w/-]+)\}", lambda name: str(only_run(Path(name[1]))), argument)


def only_run(root: Path) -> Path:
    """The folder of the only run below a root."""
    (run,) = root.glob("*/*/config.yaml")
    return run.parent


def train_all(file: Path) -> None:
    """Train what a file says, one after the other."""
    nn.Module.compile = functools.partialmethod(nn.Module.compile, backend="eager")  # type: ignore[assignment]
    for arguments in json.loads(file.read_text()):
        main([with_folders(each) for each in arguments])


if __name__ == "__main__":
    torch.set_num_threads(1)
    train_all(Path(sys.argv[1]))
