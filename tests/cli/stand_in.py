"""A ``python`` whose ``-m multitask`` starts at once, for programs that start it by its name."""

from __future__ import annotations

import secrets
import sys
from contextlib import suppress
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from threading import Thread

from cli.forked_program import ForkedProgram

SCRIPT = """\
#!{python} -SE
import os, signal, sys
from multiprocessing.connection import Client

if sys.argv[1:3] != ["-m", "multitask"]:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
with Client({address!r}, authkey={key!r}) as server:
    server.send((sys.argv[3:], os.getcwd(), dict(os.environ)))
    pid = server.recv()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(pid, number))
    output, code = server.recv()
print(output, end="", flush=True)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


class StandIn:
    """A file ``python`` for a folder of programs.

    It has this process start a `ForkedProgram`, hands signals on to it, and ends as it ends. What
    it prints comes at its end. Anything but ``-m multitask`` is left to Python.

    Args:
        folder: where to put the file.
    """

    def __init__(self, folder: Path) -> None:
        key = secrets.token_bytes(16)
        self._listener = Listener(family="AF_UNIX", authkey=key)
        script = SCRIPT.format(python=sys.executable, address=self._listener.address, key=key)
        path = folder / "python"
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Start no more programs."""
        self._listener.close()

    def _serve(self) -> None:
        # It is closed.
        with suppress(OSError):
            while True:
                Thread(target=_run, args=(self._listener.accept(),), daemon=True).start()


def _run(client: Connection) -> None:
    with client:
        arguments, folder, environment = client.recv()
        process = ForkedProgram(arguments, folder=folder, environment=environment)
        client.send(process.pid)
        output, _ = process.communicate()
        client.send((output, process.returncode))
