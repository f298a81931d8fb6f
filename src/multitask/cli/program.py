"""``multitask`` as a process of its own."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
import threading
from contextlib import suppress

from multitask.cli.main import main
from multitask.runs.log_file import LOG
from multitask.runs.screen import open_screen

WRITTEN = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


def program() -> None:
    """Run the program, and end the process at once when it is done.

    Python would take more than a second to free the objects of all libraries one by one, and
    libraries' own last steps read another 100 MiB of their code into memory.
    """
    open_screen()
    code = 0
    try:
        main()
    except SystemExit as stopped:
        if not isinstance(stopped.code, int | None):
            raise
        code = stopped.code or 0
    if _others_work():
        # Python waits for them.
        sys.exit(code)
    sys.unraisablehook = lambda found: LOG.warning("at the end", exc_info=found.exc_value)
    # W&B would end the program by the exit code of its own process, should that have failed.
    with suppress(SystemExit):
        atexit._run_exitfuncs()
    _write_open_files()
    os._exit(code)


def _others_work() -> bool:
    threads = threading.enumerate()
    return not all(each.daemon or each is threading.main_thread() for each in threads)


def _write_open_files() -> None:
    """Write what waits in files that nobody has closed, the screen among them."""
    for each in gc.get_objects():
        # Its type, since `isinstance` would ask objects that stand in for others.
        if issubclass(type(each), WRITTEN):
            with suppress(OSError, ValueError):
                each.flush()
