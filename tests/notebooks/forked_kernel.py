"""A notebook's kernel that need not import everything anew, which takes seconds."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.forkserver import _forkserver as server
from typing import Any

from cli.forked_program import forkserver, set_environment


class ForkedKernel:
    """A kernel, as far as Jupyter's client looks at `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def start(
        self, command: Sequence[str], cwd: str, env: Mapping[str, str], **_: Any
    ) -> ForkedKernel:
        """Start it, instead of `jupyter_client.launcher.launch_kernel`."""
        place = (list(command[command.index("-f") :]), os.fspath(cwd), dict(env))
        self._process = forkserver().Process(target=_run, args=place)
        self._process.start()
        self.pid = self._process.pid
        return self

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Wait for its end."""
        self._process.join()
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()


def _run(arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    set_environment(environment)
    os.chdir(folder)
    os.setsid()
    # Python looks for modules in the folder of a notebook.
    sys.path.insert(0, "")
    import matplotlib
    from ipykernel.kernelapp import IPKernelApp

    # The runs of a study are forked off the same server. Otherwise Python would start another one,
    # which imports everything anew. From 3.14 on, a server wants a key, which is not known here.
    if sys.version_info < (3, 14):
        server.ensure_running = lambda: None  # type: ignore[method-assign]
    # Read when it was imported.
    matplotlib.rcParams["backend"] = "module://matplotlib_inline.backend_inline"
    IPKernelApp.launch_instance(argv=arguments)
