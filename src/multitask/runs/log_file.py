"""The program's messages, on the screen and in the run's folder."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

from multitask.errors import naming
from multitask.pages.shown import shown

LOG = logging.getLogger("multitask")
"""All messages are logged here too, and from here to the run's ``log.txt``."""
# Before there is a run, logging would print messages to the screen a second time.
LOG.addHandler(logging.NullHandler())
LIGHTNING = ("lightning.pytorch", "lightning.fabric")
NAME = "log.txt"
PATIENCE = 8.0
"""Seconds that a user waits without a message."""


def say(text: str) -> None:
    """Print lines, and log them.

    Args:
        text: may contain names and words from others, which cannot control the terminal.
    """
    text = "\n".join(map(shown, text.split("\n")))
    print(text, flush=True)
    LOG.info(text)


@contextmanager
def told_if_slow(text: str) -> Iterator[None]:
    """Print what is being done, and how to stop it, if it takes longer than `PATIENCE`.

    Args:
        text: what is being done.
    """
    sentence = f"multitask: {text}; Ctrl-C ends the program"
    timer = Timer(PATIENCE, lambda: print(sentence, file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def quiet_screen() -> None:
    """Keep Lightning's informational messages off the screen; they go to the log file only."""
    for name in LIGHTNING:
        for handler in logging.getLogger(name).handlers:
            handler.setLevel(logging.WARNING)


def leave_log() -> None:
    """Stop writing to the log of the previous run, if this process has one."""
    for name in (LOG.name, *LIGHTNING):
        logger = logging.getLogger(name)
        for earlier in [each for each in logger.handlers if isinstance(each, _File)]:
            logger.removeHandler(earlier)
            earlier.close()


def keep_log(folder: Path) -> None:
    """Append all further messages to ``log.txt`` in a run's folder, and to no earlier log.

    Args:
        folder: the run's folder.
    """
    leave_log()
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    with naming(folder / NAME):
        handler = _File(folder / NAME, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name in (LOG.name, *LIGHTNING):
        logging.getLogger(name).addHandler(handler)
    _log_warnings()


class _File(logging.FileHandler):
    has_failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """End a run whose disk is full, as any other file of the run would, but only once."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        was_told, self.has_failed = self.has_failed, True
        # A monitoring thread must not end before it has reported the reason.
        if not was_told and threading.current_thread() is threading.main_thread():
            raise OSError(error.errno, error.strerror, self.baseFilename) from error


def _log_warnings() -> None:
    show = warnings.showwarning
    if getattr(show, "is_logged", False):
        return

    def log_and_show(message: Any, category: type[Warning], *place: Any, **options: Any) -> None:
        LOG.warning("%s: %s", category.__name__, message)
        show(message, category, *place, **options)

    log_and_show.is_logged = True  # type: ignore[attr-defined]
    warnings.showwarning = log_and_show
