"""The screen: it accepts any text, and losing it ends nothing else."""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
import unicodedata
from contextlib import suppress
from typing import Any, TextIO

ERRORS = "multitask.plain"
"""Name of the error handler that writes characters missing from the screen's encoding."""
NOBODY_READS = 141
"""Exit code if the reader of the screen is gone, as in ``multitask --help | head -1``.

Shells report this code for programs that the system ends for this reason.
"""
NOT_WRITTEN = 1
LAST_WAIT = 0.2
"""Seconds for which a reader is waited for after Ctrl-C has ended a longer wait."""
LOOKALIKES = {
    "^": "\u2191",
    "v": "\u2193",
    "<": "\u2190",
    ">": "\u2192",
    "|": "\u2502\u2503",
    "*": "\u2022\u00b7",
    "x": "\u00d7",
    "#": "\u2588",
    "+-": "\u00b1",
    ">=": "\u2265",
    "<=": "\u2264",
    "'": "\u2018\u2019",
    '"': "\u201c\u201d",
    "-": "\u2013\u2014\u2500\u2501\u2574\u2576\u2578\u257a",
}
"""ASCII replacements of arrows, lines, signs and quotes; see also `_plain`."""
PLAIN = {ord(each): text for text, others in LOOKALIKES.items() for each in others}
LINES = range(0x2500, 0x2580)
"""Box-drawing characters of tables; those missing from `PLAIN` are corners."""


def open_screen() -> None:
    """Make sure that printing neither fails nor ends the program.

    Characters missing from the encoding of the screen, or of the file that replaces it, are written
    in ASCII. If writing is impossible, because the screen is closed or full or nobody reads it, the
    text is dropped.
    """
    _occupy_closed()
    codecs.register_error(ERRORS, _in_ascii)
    sys.stdout = sys.__stdout__ = _opened(1, sys.stdout)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _opened(2, sys.stderr)  # type: ignore[misc]


def print_alone(text: str) -> None:
    """Print the whole output that the user asked for.

    Raises:
        SystemExit: if the screen cannot be written to.
    """
    print(text, flush=True)
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if (failure := getattr(raw, "failure", None)) is not None:
        sys.exit(NOBODY_READS if failure.errno == errno.EPIPE else NOT_WRITTEN)


class _Device(io.FileIO):
    """A file that accepts any output, even after its target is gone."""

    failure: OSError | None = None
    is_interrupted = False
    """Whether a person has interrupted a write, to any such file, that nobody read."""

    def write(self, content: Any) -> int:
        if _Device.is_interrupted and not self._is_read(LAST_WAIT):
            return len(content)
        try:
            while (written := super().write(content)) is None:
                # Another program that shares the file has made it non-blocking.
                select.select([], [self], [])
        except KeyboardInterrupt:
            # Whatever is printed until the end would wait for the same reader for ever.
            _Device.is_interrupted |= not self._is_read(0.0)
            raise
        except OSError as error:
            if self.failure is None:
                self.failure = error
                self._tell(error)
            return len(content)
        return written

    def _is_read(self, seconds: float) -> bool:
        return bool(select.select([], [self], [], seconds)[1])

    def _tell(self, error: OSError) -> None:
        if self.fileno() == 1 and error.errno != errno.EPIPE:
            text = f"multitask: the output cannot be written ({error.strerror}) and is skipped\n"
            with suppress(OSError):
                os.write(2, text.encode("ascii", "backslashreplace"))


def _opened(number: int, usual: TextIO | None) -> io.TextIOWrapper:
    if usual is not None:
        with suppress(OSError):
            usual.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Device(number, "w", closefd=False)),
        encoding=getattr(usual, "encoding", "utf-8"),
        errors=ERRORS,
        line_buffering=getattr(usual, "line_buffering", True),
        write_through=getattr(usual, "write_through", False),
    )


def _occupy_closed() -> None:
    # Otherwise the next opened file would get this number, and all further output.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    if ord(character) in LINES:
        return PLAIN.get(ord(character), "+")
    found = character.translate(PLAIN)
    if not found.isascii() and not character.isalpha():
        # A letter without its accent could be another name.
        found = unicodedata.normalize("NFKD", character)
    return found if found.isascii() else character.encode("ascii", "backslashreplace").decode()
