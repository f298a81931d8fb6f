"""The one error that is meant for the person at the keyboard, and what it is made from."""

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
"""Characters of a sentence, so that it can be read at a glance whatever it quotes."""

OTHERS = (str(Path(__file__).parent), *sysconfig.get_paths().values())
"""Where code lies that a person has not written: this package, Python and what is installed."""
OF_CPP = re.compile(
    r"\[enforce fail at \S+\]|\S+\.(?:cpp|cu|h):\d+:?|(?:Exception raised from|\bframe #0:).*",
    re.DOTALL,
)
NO_MEMORY = re.compile("allocate memory|not enough memory|out of memory|Unable to allocate")


class InputError(ValueError):
    """Bad input, told in one sentence: what is wrong, where, and what would be right.

    The command line prints the sentence and exits with code 2, without a traceback.

    Args:
        sentence: may quote what a file says; see `one_line`.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(one_line(sentence))


class SampleError(InputError):
    """A target that does not fit its task.

    Args:
        task: name of the task.
        place: of the sample among the targets that were checked.
        sentence: see `InputError`.
    """

    def __init__(self, task: str, place: int, sentence: str) -> None:
        super().__init__(sentence)
        self.task, self.place = task, place


def one_line(text: str) -> str:
    """Make a text one line that any screen shows as it is.

    Args:
        text: what stands in it may be a stranger's: line breaks, characters that steer a terminal,
            or that are none in any encoding, and any number of them.

    Returns:
        The text with a space for each line break, with escapes for the other such characters, and
        without its middle where it is longer than `LONGEST`.
    """
    line = " ".join(filter(None, (each.strip() for each in text.splitlines())))
    shown = "".join(each if each.isprintable() else _escaped(each) for each in line)
    half = (LONGEST - 5) // 2
    return shown if len(shown) <= LONGEST else f"{shown[:half]} ... {shown[-half:]}"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


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


@contextmanager
def settings_blamed(what: str, also_own_code: bool = False) -> Iterator[None]:
    """Make objects from settings; whatever a library raises at that is bad input.

    What a value breaks is decided by the library, and so is the kind of error.

    Args:
        what: cannot be done with the settings, to begin the sentence with.
        also_own_code: whether an error in a person's own code is told so too.

    Raises:
        InputError: for any other error but one in a person's own code, who needs its traceback.
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
    """Why a library refuses something, in one line, without what only its makers understand."""
    text = one_line(OF_CPP.sub("", str(error)))
    if isinstance(error, MemoryError) or NO_MEMORY.search(text):
        return "it needs more memory than there is"
    if "Overflow" in text or "SymInt" in text:
        return "a number is too large"
    if isinstance(error, KeyError):
        return f"there is no {text}"
    return text or type(error).__name__


def is_in_own_code(error: Exception) -> bool:
    """Whether an error was raised in code that a person has written, or that such code called."""
    files = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)]
    # Compiled modules name files that are not there.
    return any(not each.startswith(OTHERS) for each in files if Path(each).is_absolute())


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
