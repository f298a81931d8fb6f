"""Whatever the screen is: printing to it neither fails nor ends the program."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

NASTY = "↑ ↓ → ━ é 中 \udcff ² … 😀"
PRINTS = f"""
import sys
from multitask.runs.screen import open_screen
open_screen()
for stream in (sys.stdout, sys.stderr):
    for _ in range(3):
        print({NASTY!a}, file=stream, flush=True)
with open("done.txt", "w") as file:
    # It has a number of its own, not that of a closed screen.
    file.write(str(file.fileno()))
"""
HELP = "from multitask.cli.program import program; program()"


def run(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", code, *arguments], timeout=120, **options)


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", "^ v > - \\xe9 \\u4e2d \\udcff 2 ... \\U0001f600"),
        ("latin-1", "^ v > - é \\u4e2d \\udcff ² ... \\U0001f600"),
        ("utf-8", "↑ ↓ → ━ é 中 \\udcff ² … 😀"),
    ],
)
def test_what_an_encoding_lacks_is_written_in_ascii(
    encoding: str, written: str, tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = run(PRINTS, cwd=tmp_path, env=environment, capture_output=True, check=True)
    expected = f"{written}\n".encode(encoding) * 3
    assert done.stdout == done.stderr == expected


@pytest.mark.parametrize(
    "redirection", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"]
)
def test_a_closed_or_full_screen_ends_nothing(redirection: str, tmp_path: Path) -> None:
    command = ["bash", "-c", f'exec "$@" {redirection}', "-", sys.executable, "-c", PRINTS]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120)
    assert done.returncode == 0
    assert int((tmp_path / "done.txt").read_text()) > 2
    assert b"Traceback" not in done.stdout + done.stderr
    if redirection == ">/dev/full":
        assert done.stderr.count(b"No space left on device") == 1


def test_a_reader_that_goes_ends_nothing(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run(PRINTS, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.returncode == 0
    assert done.stderr.decode().splitlines() == [NASTY.replace("\udcff", "\\udcff")] * 3


def test_a_full_screen_fails_a_program_that_prints_alone() -> None:
    with open("/dev/full", "wb") as full:
        done = run(HELP, "--help", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "multitask: the output cannot be written (No space left on device) and is skipped"
    ]


BLOCKED = """
import signal, sys
from multitask.cli import program
from multitask.runs.log_file import say

# A shell's background job ignores Ctrl-C, and hands that on to what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

def main():
    print("begins", file=sys.stderr, flush=True)
    try:
        while True:
            say("a line that nobody reads " * 40)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        print("a last line " * 1000)
        sys.exit(130)

program.main = main
program.program()
"""


def test_ctrl_c_ends_a_program_whose_output_nobody_reads() -> None:
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", BLOCKED], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == "begins\n"
        deadline = time.monotonic() + 60
        while select.select([], [writer], [], 0)[1]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # The pipe is full, so the program waits.
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == "interrupted\n"
    finally:
        process.kill()
        process.communicate()
        os.close(writer)
        os.close(reader)
