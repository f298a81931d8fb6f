"""A run has one owner, whatever happens to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cli.forked_program import forkserver
from lightning.pytorch.utilities import rank_zero_only

from multitask.errors import InputError
from multitask.runs import owner
from multitask.runs.owner import owned, refuse_second

HERE = owner._this_process()
GONE = {**HERE, "pid": 2**22 + 7}
ELSEWHERE = {**HERE, "host": "node7", "boot": "another", "pid": 12}


def write(folder: Path, content: Any, number: int = 3) -> Path:
    path = folder / "owner" / str(number)
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def owners(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "owner").iterdir())


def test_a_second_owner_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    expected = rf"{tmp_path}: process {os.getpid()} on .* is training this run; wait until"
    with owned(tmp_path):
        with pytest.raises(InputError, match=expected), owned(tmp_path):
            pass
        with pytest.raises(InputError, match=expected):
            refuse_second(tmp_path)
    refuse_second(tmp_path)
    with pytest.raises(KeyError), owned(tmp_path):
        raise KeyError
    with owned(tmp_path):
        assert owners(tmp_path) == ["3"]
    assert (tmp_path / "owner/3").read_bytes() == b""


@pytest.mark.parametrize(
    "gone",
    [GONE, {**HERE, "began": "1"}, {**HERE, "pid": -5}, {**HERE, "pid": 10**30}],
    ids=["ended", "number given to another process", "negative", "giant"],
)
def test_who_is_gone_is_told_and_replaced(
    gone: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, gone)
    with owned(tmp_path):
        assert owners(tmp_path) == ["4"]
    assert capsys.readouterr().out.endswith("owned this run and has ended; taken over\n")


@pytest.mark.parametrize("content", ["", "{", "[" * 10**5, "[]", '{"pid": "7"}', "\0\0"])
def test_a_damaged_file_owns_nothing(content: str, tmp_path: Path) -> None:
    write(tmp_path, content)
    (tmp_path / "owner" / "²").touch()
    with owned(tmp_path):
        pass


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "owner").touch()
    with pytest.raises(InputError, match=r"owner is a file, .*; remove it"), owned(tmp_path):
        pass


def test_a_process_that_has_ended_but_was_not_asked_for_is_gone(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    began = owner._began(child.pid)
    write(tmp_path, {**HERE, "pid": child.pid, "began": began})
    while owner._began(child.pid) is not None:
        time.sleep(0.01)
    with owned(tmp_path):
        pass
    child.wait()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("BEAT", 0.05), ("LOOK", 0.02), ("SILENCE", 0.5)):
        monkeypatch.setattr(owner, name, value)


@pytest.mark.usefixtures("quick")
def test_an_owner_elsewhere_is_known_by_its_signs_of_life(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, is_over = write(tmp_path, ELSEWHERE), threading.Event()
    life = threading.Thread(target=owner._live, args=(path, is_over))
    life.start()
    with (
        pytest.raises(InputError, match=r"process 12 on node7 is training this run"),
        owned(tmp_path),
    ):
        pass
    is_over.set()
    life.join()
    began = time.monotonic()
    with owned(tmp_path):
        assert 0.3 < time.monotonic() - began < 3
    said = capsys.readouterr().out
    assert "process 12 on node7 owned this run; waiting up to" in said
    assert "process 12 on node7 owned this run and has ended; taken over" in said


@pytest.mark.usefixtures("quick")
def test_an_owner_whose_clock_is_ahead_is_watched_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, ELSEWHERE)
    os.utime(path, (time.time() + 1000, time.time() + 1000))
    owner.refuse_second(tmp_path)
    with owned(tmp_path):
        pass
    assert capsys.readouterr().out.count("waiting up to") == 1


def test_an_owner_elsewhere_that_was_long_silent_is_gone_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, ELSEWHERE)
    os.utime(path, (time.time() - 100, time.time() - 100))
    began = time.monotonic()
    with owned(tmp_path):
        assert time.monotonic() - began < 5


@pytest.mark.usefixtures("quick")
def test_who_was_taken_for_dead_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    with owned(tmp_path):
        write(tmp_path, ELSEWHERE, 8)
        while not ended:
            time.sleep(0.02)
    assert set(ended) == {1}
    assert json.loads((tmp_path / "owner/8").read_text()) == ELSEWHERE


def test_other_processes_of_a_training_own_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    with owned(tmp_path), owned(tmp_path):
        refuse_second(tmp_path)
    assert not (tmp_path / "owner").exists()


def try_to_own(folder: Path, begin: Any, found: Any) -> None:
    begin.wait()
    try:
        with owned(folder):
            found.send(True)
            # Until all have tried.
            begin.wait()
    except InputError:
        found.send(False)
        begin.wait()


@pytest.mark.parametrize("is_taken_over", [False, True])
def test_of_many_at_the_same_moment_one_wins(is_taken_over: bool, tmp_path: Path) -> None:
    if is_taken_over:
        write(tmp_path, GONE)
    context, count = forkserver(), 6
    begin = context.Barrier(count)
    pipes = [context.Pipe() for _ in range(count)]
    started = [
        context.Process(target=try_to_own, args=(tmp_path, begin, send)) for _, send in pipes
    ]
    for each in started:
        each.start()
    found = [receive.recv() for receive, _ in pipes]
    for each in started:
        each.join()
    assert sum(found) == 1
    assert len(owners(tmp_path)) == 1
