"""The error that is meant for the user, and functions that create it."""

from __future__ import annotations

import errno
import re
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from traceback import walk_tb

LONGEST = 800
"""Maximum number of characters of a message, for readability, regardless of what it quotes."""

OTHERS = (str(Path(__file__).parent), *sysconfig.get_paths().values())
"""Folders of code that the user has not written: this package, Python and installed packages."""
OF_CPP = re.compile(
    r"\[enforce fail at \S+\]|\S+\.(?:cpp|cu|h):\d+:?|(?:Exception raised from|\bframe #0:).*",
    re.DOTALL,
)
NO_MEMORY = re.compile("allocate memory|not enough memory|out of memory|Unable to allocate")


class InputError(ValueError):
    """Invalid input, described in one sentence: what is wrong, where, and what is expected.

    The command line prints the sentence and exits with code 2, without a traceback.

    Args:
        sentence: the message; may quote the content of a file; see `one_line`.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(one_line(sentence))


class SampleError(InputError):
    """A target that does not fit its task.

    Args:
        task: name of the task.
        place: index of the sample among the checked targets.
        sentence: see `InputError`.
    """

    def __init__(self, task: str, place: int, sentence: str) -> None:
        super().__init__(sentence)
        self.task, self.place = task, place


def one_line(text: str) -> str:
    """Convert a text to one line that any terminal displays unchanged.

    Args:
        text: may come from an untrusted source: it may contain line breaks, control characters of a
            terminal, characters that cannot be encoded, and have any length.

    Returns:
        The text with a space for each line break, with escapes for the other such characters, and
        without its middle if it is longer than `LONGEST`.
    """
    line = " ".join(filter(None, (each.strip() for each in text.splitlines())))
    shown = "".join(each if each.isprintable() else _escaped(each) for each in line)
    half = (LONGEST - 5) // 2
    return shown if len(shown) <= LONGEST else f"{shown[:half]} ... {shown[-half:]}"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors of the system if a disk is full, or a quota is exceeded."""
TAKES_NO_FILE = (*FULL, errno.EROFS, errno.EFBIG)
"""Errors of the system that only occur if a file cannot be written."""


def bad_input(error: BaseException | None) -> InputError | None:
    """The invalid input that caused an error; None if it has another cause.

    A file that the system refuses counts as invalid input too, such as one on a full disk, without
    permission, or with a name that is too long.

    Args:
        error: the raised error, possibly from a library that wraps this program's errors.
    """
    cause = error
    while cause is not None and not isinstance(cause, InputError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None or error is None:
        return cause
    found = system_error(error)
    if found is not None and found.errno in TAKES_NO_FILE:
        return unwritable(found, "a file", "start again")
    if isinstance(error, Exception) and is_in_own_code(error):
        return None
    if found is not None and isinstance(found.filename, str) and found.strerror:
        return InputError(f"{found.filename} cannot be used ({found.strerror})")
    if isinstance(error, ValueError) and "embedded null" in str(error):
        return InputError("the name of a file or folder contains a NUL character; remove it")
    return None


def system_error(error: BaseException | None) -> OSError | None:
    """The system's error that caused an error; None if it has another cause.

    Args:
        error: the raised error, possibly from a library that wraps the system's errors.
    """
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


@contextmanager
def naming(place: Path) -> Iterator[None]:
    """Make errors of the system name a file, whether or not they name another.

    Args:
        place: the file that the user knows.

    Raises:
        OSError: with the number and the message of the raised error.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        # torch raises its own errors for a file that cannot be written.
        if (cause := system_error(error)) is None or cause.errno is None:
            raise
        raise OSError(cause.errno, cause.strerror, str(place)) from error


def unwritable(error: OSError, unknown: str, advice: str) -> InputError:
    """Report which file cannot be written, and what to do about it.

    Args:
        error: error of the system.
        unknown: replaces the name of the file if the error does not contain it.
        advice: what to do, such as ``start again``.
    """
    room = "free some space first; " if error.errno in FULL else ""
    what = error.filename if isinstance(error.filename, str) and error.filename else unknown
    return InputError(f"{what} cannot be written ({error.strerror}); {room}{advice}")


@contextmanager
def settings_blamed(what: str, also_own_code: bool = False) -> Iterator[None]:
    """Build objects from settings; any error that a library raises is invalid input.

    The library determines which values are invalid, and the type of the error.

    Args:
        what: the action that fails, to start the sentence with.
        also_own_code: whether to convert errors in the user's own code too.

    Raises:
        InputError: for any error except one in the user's own code, which needs its traceback.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        is_bug = not also_own_code and is_in_own_code(error)
        if is_bug and not isinstance(error, ValueError | ImportError):
            raise
        raise InputError(f"{what}: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    """The reason for a library's error, in one line, without internal details."""
    text = one_line(OF_CPP.sub("", str(error)))
    if isinstance(error, MemoryError) or NO_MEMORY.search(text):
        return "it needs more memory than there is"
    if "Overflow" in text or "SymInt" in text:
        return "a number is too large"
    if isinstance(error, KeyError):
        return f"there is no {text}"
    return text or type(error).__name__


def is_in_own_code(error: Exception) -> bool:
    """Whether an error was raised in the user's own code, or in code called by it."""
    files = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)]
    # Compiled modules name files that do not exist.
    return any(not each.startswith(OTHERS) for each in files if Path(each).is_absolute())


def nearest(name: str, valid: Iterable[str]) -> str:
    """Suggest the valid name that was probably meant.

    Args:
        name: the given name.
        valid: the valid names.

    Returns:
        ``; did you mean 'x'?`` for a near miss, ``; choose from 'a', 'b'`` for a short list without
        one, otherwise an empty string.
    """
    names = sorted(valid)
    if matches := get_close_matches(name, names, n=1, cutoff=0.6):
        return f"; did you mean '{matches[0]}'?"
    if 0 < len(names) <= 12:
        return "; choose from " + ", ".join(f"'{each}'" for each in names)
    return ""
