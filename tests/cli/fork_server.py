"""The server that all processes of the tests are forked off, which imports everything once.

It imports nothing itself: under pytest-xdist, it is started by the process that hands out the
tests.
"""

from __future__ import annotations

import gc
import os
import sys
from multiprocessing import forkserver
from unittest.mock import patch

PRELOADED = ("cli.preloaded",)
SERVER = forkserver._forkserver


def start(**variables: str) -> str:
    """Start the server, unless it runs.

    Args:
        variables: environment variables of what is forked off it, with those of this process.

    Returns:
        Its address.
    """
    SERVER.set_forkserver_preload(list(PRELOADED))
    # Python 3.11 does not tell it where this process finds modules.
    found = os.pathsep.join(filter(None, sys.path))
    # Before another user of the server, who would have it import less.
    with patch.dict(os.environ, variables, PYTHONPATH=found):
        SERVER.ensure_running()
    return str(SERVER._forkserver_address)


def join(address: str) -> None:
    """Use the server that another process has started."""
    SERVER._forkserver_address = address
    # What is forked keeps a file open for the server to live; this one lives as long as its parent.
    SERVER._forkserver_alive_fd = os.open(os.devnull, os.O_RDONLY)
    SERVER.ensure_running = lambda: None


def look_for_garbage_less_often() -> None:
    """To look at all that tests import every few seconds takes a twentieth of their time.

    The cycles that wait meanwhile take 200 MB.
    """
    gc.set_threshold(10_000, 10, 20)
