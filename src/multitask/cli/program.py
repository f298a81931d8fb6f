"""``multitask`` as a separate process."""

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
    """Run the program, and end the process immediately afterwards.

    Python would take more than a second to free the objects of all libraries one by one, and exit
    handlers of libraries would load another 100 MiB of their code into memory.
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
        # A normal exit waits for them.
        sys.exit(code)
    sys.unraisablehook = lambda found: LOG.warning("at the end", exc_info=found.exc_value)
    # W&B would exit with the code of its own process if that failed.
    with suppress(SystemExit):
        atexit._run_exitfuncs()
    _write_open_files()
    os._exit(code)


def _others_work() -> bool:
    threads = threading.enumerate()
    return not all(each.daemon or each is threading.main_thread() for each in threads)


def _write_open_files() -> None:
    """Flush buffered output of files that are still open, including the screen."""
    for each in gc.get_objects():
        # Check the type itself, because `isinstance` would query proxy objects.
        if issubclass(type(each), WRITTEN):
            with suppress(OSError, ValueError):
                each.flush()
