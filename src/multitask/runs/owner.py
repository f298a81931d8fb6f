"""A run's owner: the one process that may train in its folder.

``owner/`` in the run's folder contains one file, whose name is a number that only increases. The
file identifies the process that owns the run; if it is empty, nobody does. A process acquires the
run by creating the file of the next number, which the file system allows only one process to do,
even on shared disks.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import gethostname
from typing import Any

from multitask.distributed import is_first_process
from multitask.errors import InputError, naming
from multitask.runs.folder import make_folder
from multitask.runs.log_file import say

PLACE = "owner"
BEAT, SILENCE = 10.0, 60.0
"""Seconds between two heartbeats, and without one after which an owner elsewhere is gone."""
LOOK, TRIES = 0.5, 100
LONGEST = 4096
"""Number of bytes of a file that are read."""
CHANCE = random.SystemRandom()
"""A separate generator, because training draws from Python's own random numbers."""
SILENT: dict[Path, float] = {}
"""Files of owners that were watched in vain, with the time of their last change: without a later
one they are not watched again, though the clock of another machine may be ahead."""


@contextmanager
def owned(folder: Path, is_needed: bool = True) -> Iterator[None]:
    """Own a run, unless another process of the same training owns it for this one.

    Args:
        folder: the run's folder, which is created if it does not exist.
        is_needed: whether ownership is needed at all.

    Raises:
        InputError: if a living process owns it.
        OSError: if the folder cannot be written to.
    """
    if not is_needed or not is_first_process():
        yield
        return
    make_folder(folder)
    with naming(folder / PLACE):
        path = _claim(folder / PLACE)
    is_over = threading.Event()
    threading.Thread(target=_live, args=(path, is_over), daemon=True).start()
    try:
        yield
    finally:
        is_over.set()
        # A fork of this process owns nothing. Emptying a file needs no space on a full disk.
        if _read(path).get("pid") == os.getpid():
            with suppress(OSError):
                os.truncate(path, 0)


def refuse_second(folder: Path) -> None:
    """Reject a run that a living process owns, without acquiring it.

    Args:
        folder: the run's folder.

    Raises:
        InputError: with the process.
    """
    if is_first_process():
        _refuse_living(folder / PLACE)


def _claim(place: Path) -> Path:
    _numbers(place)
    place.mkdir(exist_ok=True)
    for _ in range(TRIES):
        gone = _refuse_living(place)
        before = _numbers(place)
        path = place / str(max(before, default=0) + 1)
        if _make(path) and _is_alone(place, path):
            for number in before:
                (place / str(number)).unlink(missing_ok=True)
            if gone:
                say(f"{place.parent}: {_named(gone)} owned this run and has ended; taken over")
            return path
        # A random delay avoids running in step with another process that does the same.
        time.sleep(CHANCE.uniform(0, 0.1))
    raise InputError(f"{place.parent}: other processes are trying to own this run; start only one")


def _make(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(_this_process(), file)
            file.flush()
            os.fsync(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True


def _is_alone(place: Path, path: Path) -> bool:
    """Check again, now that the claim is visible: of two that check, one sees the other."""
    others = [number for number in _numbers(place) if number != int(path.name)]
    is_last = all(number < int(path.name) for number in others)
    if is_last and not any(_is_living(place / str(number)) for number in others):
        return True
    path.unlink(missing_ok=True)
    return False


def _refuse_living(place: Path) -> dict[str, Any]:
    """Reject a living owner; return the last owner if it has not released the run, or nothing."""
    gone: dict[str, Any] = {}
    for number in _numbers(place):
        path = place / str(number)
        owner = _read(path)
        if owner and _is_living(path):
            raise InputError(
                f"{place.parent}: {_named(owner)} is training this run; wait until it has "
                "finished, or stop it, and then resume"
            )
        gone = owner
    return gone


def _is_living(path: Path) -> bool:
    owner, here = _read(path), _this_process()
    if not owner:
        return False
    if all(owner.get(name) == here[name] for name in ("boot", "processes")):
        began = _began(owner["pid"])
        if began is not None or not _is_anothers(owner["pid"]):
            return began is not None and began == owner.get("began")
    return _shows_life(path, owner)


def _shows_life(path: Path, owner: dict[str, Any]) -> bool:
    """Watch an owner on another machine, using only the clock of the file system."""
    seen, is_told, began = _changed(path), False, time.monotonic()
    if seen is not None and SILENT.get(path) == seen:
        return False
    while seen is not None and time.monotonic() - began < SILENCE:
        if _now(path) - seen >= SILENCE or not _read(path):
            return False
        if not is_told and (is_told := True):
            say(f"{_named(owner)} owned this run; waiting up to {SILENCE:.0f} s for a sign of life")
        time.sleep(LOOK)
        if (changed := _changed(path)) not in (seen, None) and _read(path):
            return True
        seen = changed
    if seen is not None:
        SILENT[path] = seen
    return False


def _changed(path: Path) -> float | None:
    try:
        # Shared file systems report the truth about a file once it is opened.
        with path.open() as file:
            return os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None


def _now(path: Path) -> float:
    probe = path.parent / f".now-{os.getpid()}-{CHANCE.randrange(10**9)}"
    try:
        with probe.open("x") as file:
            return os.fstat(file.fileno()).st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _live(path: Path, is_over: threading.Event) -> None:
    own = _read(path)
    while not is_over.wait(BEAT):
        # A process that claims it by mistake releases it again immediately.
        if _is_taken_over(path) and not is_over.wait(LOOK) and _is_taken_over(path):
            # It was stopped for so long that others had to assume that it was dead.
            say(f"{path.parents[1]}: another process has taken over this run, so this one ends")
            os._exit(1)
        # The folder may have been moved away, which is reported elsewhere.
        with suppress(OSError):
            if _read(path) == own:
                os.utime(path)


def _is_taken_over(path: Path) -> bool:
    return max(_numbers(path.parent), default=0) > int(path.name)


def _numbers(place: Path) -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir(place) if re.fullmatch("[0-9]+", name))
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        raise InputError(f"{place} is a file, but should be a folder; remove it") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(LONGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("pid"), int) else {}


def _named(owner: dict[str, Any]) -> str:
    host = "".join(each for each in str(owner.get("host", "?")) if each.isprintable())
    return f"process {owner['pid']} on {host[:64]}"


def _this_process() -> dict[str, Any]:
    """What distinguishes this process from all others on this machine since it started."""
    pid = os.getpid()
    return {
        "host": gethostname(),
        "pid": pid,
        "began": _began(pid),
        # Containers on one machine have separate process ids.
        "boot": _told(lambda: Path("/proc/sys/kernel/random/boot_id").read_text().strip()),
        "processes": _told(lambda: os.readlink("/proc/self/ns/pid")),
    }


def _told(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except OSError:
        # Not every system has it; machines with the same name then count as one.
        return gethostname()


def _began(pid: int) -> str | None:
    """When a process started, None if it has ended; its number may be reused later."""
    if Path("/proc/self/stat").exists():
        try:
            # The second field is a name that may contain any character.
            fields = (
                Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
            )
        except OSError:
            return None
        # A process whose exit code nobody has read yet is a zombie.
        return None if fields[0] in "ZX" else fields[19]
    return _began_by_ps(pid)


def _is_anothers(pid: int) -> bool:
    """Whether a process belongs to another user, in which case its start may be hidden."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _began_by_ps(pid: int) -> str | None:
    asked = ["ps", "-o", "state=,lstart=", "-p", str(pid)]
    state, _, began = subprocess.run(asked, capture_output=True, text=True).stdout.partition(" ")
    return None if not began.strip() or state.startswith("Z") else began.strip()
