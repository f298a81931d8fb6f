"""The one error that is meant for the person at the keyboard, and what it is made from."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path


class InputError(ValueError):
    """Bad input, told in one sentence: what is wrong, where, and what would be right.

    The command line prints the sentence and exits with code 2, without a traceback.
    """


FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says where a disk, or a person's share of it, has no room left."""
TAKES_NO_FILE = (*FULL, errno.EROFS, errno.EFBIG)
"""What the system says where a file cannot be written, and of nothing else."""


def bad_input(error: BaseException | None) -> InputError | None:
    """The bad input that an error comes from, None if it comes from something else.

    A disk that is full, or that nothing may be written to, is bad input too.

    Args:
        error: what was raised, maybe by a library that wraps what the program's classes raise.
    """
    cause = error
    while cause is not None and not isinstance(cause, InputError):
        cause = cause.__cause__ or cause.__context__
    found = system_error(error)
    if cause is None and found is not None and found.errno in TAKES_NO_FILE:
        return unwritable(found, "a file", "start again")
    return cause


def system_error(error: BaseException | None) -> OSError | None:
    """The system's error that an error comes from, None if it comes from something else.

    Args:
        error: what was raised, maybe by a library that wraps what the system raises.
    """
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


@contextmanager
def naming(place: Path) -> Iterator[None]:
    """Have errors of the system name a file, whatever they name or do not name.

    Args:
        place: the file that a person knows.

    Raises:
        OSError: with the number and the words of what was raised.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        # torch has errors of its own for a file that cannot be written.
        if (cause := system_error(error)) is None or cause.errno is None:
            raise
        raise OSError(cause.errno, cause.strerror, str(place)) from error


def unwritable(error: OSError, unknown: str, advice: str) -> InputError:
    """Say which file cannot be written, and what to do then.

    Args:
        error: of the system.
        unknown: stands for the file where the error does not name it.
        advice: what to do, such as ``start again``.
    """
    room = "free some space first; " if error.errno in FULL else ""
    what = error.filename if isinstance(error.filename, str) and error.filename else unknown
    return InputError(f"{what} cannot be written ({error.strerror}); {room}{advice}")


def nearest(name: str, valid: Iterable[str]) -> str:
    """Suggest the valid name that was probably meant.

    Args:
        name: what was written.
        valid: what could have been written.

    Returns:
        ``; did you mean 'x'?`` for a near miss, ``; choose from 'a', 'b'`` for a short list
        without one, an empty string otherwise.
    """
    names = sorted(valid)
    if matches := get_close_matches(name, names, n=1, cutoff=0.6):
        return f"; did you mean '{matches[0]}'?"
    if 0 < len(names) <= 12:
        return "; choose from " + ", ".join(f"'{each}'" for each in names)
    return ""
