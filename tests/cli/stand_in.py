"""A ``python`` whose ``-m multitask`` starts at once, for programs that start it by its name."""

from __future__ import annotations

import secrets
import sys
import sysconfig
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
    os.execv({python!r}, [{path!r}, *sys.argv[1:]])
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
    it prints comes at its end. Anything but ``-m multitask`` is left to Python, which takes the
    file for its own: that of a virtual environment with the packages of this one.

    Args:
        folder: where to put the file, ``bin`` of the environment.
        has_spare: of each `ForkedProgram`.
    """

    def __init__(self, folder: Path, has_spare: bool = False) -> None:
        key = secrets.token_bytes(16)
        self._has_spare = has_spare
        self._listener = Listener(family="AF_UNIX", authkey=key)
        path = folder / "python"
        where = {"python": sys.executable, "path": str(path), "address": self._listener.address}
        path.write_text(SCRIPT.format(key=key, **where), encoding="utf-8")
        path.chmod(0o755)
        _make_environment(folder.parent)
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Start no more programs."""
        self._listener.close()

    def _serve(self) -> None:
        # It is closed.
        with suppress(OSError):
            while True:
                place = (self._listener.accept(), self._has_spare)
                Thread(target=_run, args=place, daemon=True).start()


def _make_environment(folder: Path) -> None:
    (folder / "pyvenv.cfg").write_text(f"home = {sys.base_exec_prefix}/bin\n", encoding="utf-8")
    installed = Path(sysconfig.get_path("purelib"))
    packages = folder / installed.relative_to(sys.prefix)
    packages.parent.mkdir(parents=True)
    packages.symlink_to(installed)


def _run(client: Connection, has_spare: bool) -> None:
    with client:
        arguments, folder, environment = client.recv()
        process = ForkedProgram(arguments, has_spare, folder, environment)
        client.send(process.pid)
        output, _ = process.communicate()
        client.send((output, process.returncode))
