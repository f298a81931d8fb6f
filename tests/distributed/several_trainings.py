"""Trains several times in the same processes, because their start takes long.

``several_trainings.py FILE [PROCESSES]``: the file is JSON, a list of command lines of the program.
In an argument, ``{NAME}`` is the folder of the only run below NAME. torchrun starts this as any
program; PROCESSES are started by itself as torchrun would, but once everything is imported. The
backend of ``torch.compile`` is one that needs no C++ compiler.
"""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import nn

from multitask.cli.main import main


def with_folders(argument: str) -> str:
    """Put a run's folder in the place of each name in braces."""
    return re.sub(r"\{([\w/-]+)\}", lambda name: str(only_run(Path(name[1]))), argument)


def only_run(root: Path) -> Path:
    """The folder of the only run below a root."""
    (run,) = root.glob("*/*/config.yaml")
    return run.parent


def be_one_of(processes: int) -> None:
    """Become several processes, which go on from here; this one ends when they have ended."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    children = []
    for rank in range(processes):
        if (child := os.fork()) == 0:
            count, place = str(processes), str(rank)
            os.environ |= {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "GROUP_RANK": "0"}
            os.environ |= {"RANK": place, "LOCAL_RANK": place, "TORCHELASTIC_RUN_ID": "0"}
            os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            # Lightning reads it when it is imported.
            rank_zero_only.rank = rank
            return
        children.append(child)
    while children:
        ended, status = os.wait()
        children.remove(ended)
        if status:
            for child in children:
                os.kill(child, signal.SIGKILL)
            sys.exit(1)
    sys.exit()


if __name__ == "__main__":
    torch.set_num_threads(1)
    nn.Module.compile = functools.partialmethod(nn.Module.compile, backend="aot_eager")  # type: ignore[assignment]
    if len(sys.argv) > 2:
        be_one_of(int(sys.argv[2]))
    for arguments in json.loads(Path(sys.argv[1]).read_text()):
        main([with_folders(each) for each in arguments])
