"""How the program may end on any input: well, or with one sentence."""

from __future__ import annotations

import os
import re
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from multitask.errors import LONGEST, InputError

SECONDS = 10.0
"""An input that takes longer keeps somebody waiting; on quiet cores all take less than 2."""
MEMORY = 2**30
"""Bytes that an input may take, in the end."""
MOST_WARNINGS = 5
TRACES = re.compile(
    r"Traceback|0x[0-9a-f]{6,}|\.py\", line|<class '|object at |\.cpp:|weights_only=False"
    r"|WeightsUnpickler|arbitrary code|trust the source"
)
"""What a sentence for people does not hold."""
STARTS_OTHERS = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CACHES = ("/dev/", "/proc/", str(Path.home() / ".cache"), str(Path.home() / ".config"))
"""Where libraries write on their own."""
OWN_PROCESSES = ("'git', ['git', ", "print(json.dumps(sys.path))")
"""Provenance asks git; a library that reads types asks another Python for its path."""


class _Watch:
    """What an input makes the process do beside computing."""

    is_watching = False
    seen: list[str] = []  # noqa: RUF012
    root = ""


def outcome(call: Callable[[], Any]) -> str | None:
    """Run a part of the program on an input.

    Args:
        call: runs it.

    Returns:
        The sentence of the bad input, None where the program was content.

    Raises:
        AssertionError: if it ends in another way, or does what it should not on the way.
        Exception: whatever else the program raises.
    """
    sentence = None
    begun, before = time.monotonic(), _peak()
    with _watched(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        try:
            call()
        except InputError as error:
            sentence = str(error)
    seconds, memory = time.monotonic() - begun, _peak() - before
    assert seconds < SECONDS, f"it took {seconds:.0f} s"
    assert memory < MEMORY, f"it took {memory / 2**20:.0f} MiB"
    assert not _Watch.seen, _Watch.seen
    own = {str(each.message) for each in said if issubclass(each.category, UserWarning)}
    assert len(own) <= MOST_WARNINGS, own
    if sentence is not None:
        check_sentence(sentence)
    return sentence


def check_sentence(sentence: str) -> None:
    """Raise `AssertionError` unless a text is one sentence for people."""
    assert sentence, "it says nothing"
    assert sentence.isprintable(), repr(sentence)
    assert len(sentence) <= LONGEST, sentence
    assert not TRACES.search(sentence), sentence
    assert not sentence.endswith((":", "()", "(None)", " are", " is", "one of")), sentence


@contextmanager
def limited_memory(more: int = 4 * 2**30) -> Iterator[None]:
    """Keep an input that fills the memory from taking the machine with it.

    Args:
        more: bytes that this process may take beside what it has.
    """
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def _watched() -> Iterator[None]:
    _Watch.seen, _Watch.root, _Watch.is_watching = [], os.path.realpath(os.getcwd()), True
    try:
        yield
    finally:
        _Watch.is_watching = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not _Watch.is_watching:
        return
    if event in STARTS_OTHERS and not any(each in str(arguments) for each in OWN_PROCESSES):
        _Watch.seen.append(f"{event} {arguments}"[:200])
    elif event == "open" and isinstance(arguments[0], str | bytes) and arguments[2] & WRITING:
        path = os.path.realpath(os.fsdecode(arguments[0]))
        mine = (_Watch.root, os.environ.get("MULTITASK_CACHE", _Watch.root), *CACHES)
        is_temporary = Path(path).parent == Path(tempfile.gettempdir())
        if not path.startswith(mine) and "__pycache__" not in path and not is_temporary:
            _Watch.seen.append(f"writes {path}")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


sys.addaudithook(_watch)
