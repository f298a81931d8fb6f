"""The one error that is meant for the person at the keyboard."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST_LETTERS = 300
"""Of what another library says; some say a whole page."""


class InputError(ValueError):
    """Bad input, told in one sentence: what is wrong, where, and what would be right.

    The command line prints the sentence and exits with code 2, without a traceback.
    """


def bad_input(error: BaseException | None) -> InputError | None:
    """The bad input that an error comes from, None if it comes from something else.

    Args:
        error: what was raised, maybe by a library that wraps what the program's classes raise.
    """
    while error is not None and not isinstance(error, InputError):
        error = error.__cause__ or error.__context__
    return error


def reason_of(error: BaseException) -> str:
    """What an error of a library says, in one line that is not too long.

    Args:
        error: what was raised.
    """
    reason = " ".join(str(error).split()) or type(error).__name__
    return reason if len(reason) <= MOST_LETTERS else f"{reason[:MOST_LETTERS]}..."


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
