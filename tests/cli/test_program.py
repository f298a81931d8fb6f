"""The process ends at once, but with everything done that a program may expect of its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli.forked_program import FILE, forkserver, set_environment

from multitask.cli.program import program

ENDINGS = """
import atexit, os, sys, threading, time
from multitask.cli import program

def plain():
    atexit.register(print, "at exit")
    global left_open
    left_open = open("left_open.txt", "w")
    left_open.write("written")
    print("said", end="")

def with_code():
    sys.exit(3)

def with_sentence():
    sys.exit("a sentence")

def failing():
    raise ValueError("unexpected")

def failing_at_exit():
    atexit.register(lambda: 1 / 0)

def exiting_at_exit():
    atexit.register(sys.exit, 5)

def with_a_thread():
    def work():
        time.sleep(0.5)
        print("worked on")
    threading.Thread(target=work).start()

for case in (plain, with_code, with_sentence, failing, failing_at_exit,
             exiting_at_exit, with_a_thread):
    sys.stdout.flush()
    if os.fork() == 0:
        program.main = case
        program.program()
    _, status = os.wait()
    print(f"{case.__name__}: {os.waitstatus_to_exitcode(status)}")
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A folder in which programs have ended in several ways, and what was said."""
    folder = tmp_path_factory.mktemp("ended")
    done = subprocess.run(
        [sys.executable, "-c", ENDINGS], cwd=folder, capture_output=True, text=True, timeout=120
    )
    return folder, done.stdout, done.stderr


def test_exit_codes_are_those_that_python_would_give(ended: tuple[Path, str, str]) -> None:
    _, output, errors = ended
    codes = dict(line.split(": ") for line in output.splitlines() if ": " in line)
    assert codes == {
        "plain": "0",
        "with_code": "3",
        "with_sentence": "1",
        "failing": "1",
        "failing_at_exit": "0",
        "exiting_at_exit": "0",
        "with_a_thread": "0",
    }
    assert "a sentence" in errors
    assert "ValueError: unexpected" in errors
    assert "ZeroDivisionError" not in errors


def test_what_waits_is_written_and_what_was_registered_is_called(
    ended: tuple[Path, str, str],
) -> None:
    folder, output, _ = ended
    assert output.startswith("saidat exit\nplain: 0")
    assert (folder / "left_open.txt").read_text() == "written"


def test_threads_are_waited_for(ended: tuple[Path, str, str]) -> None:
    assert "worked on\nwith_a_thread: 0" in ended[1]


def _run(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, text=True, timeout=120, **options)


def test_a_reader_that_has_gone_ends_the_program_without_a_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    code = "from multitask.cli.program import program; program()"
    done = _run(code, "--help", stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_another_broken_pipe_is_an_error_as_any() -> None:
    code = """
from multitask.cli import main, program

def failing(arguments):
    raise BrokenPipeError("to a server")

main._run = failing
program.program()
"""
    done = _run(code, capture_output=True)
    assert done.returncode == 1
    assert "BrokenPipeError: to a server" in done.stderr


def _train(arguments: list[str], folder: Path, environment: dict[str, str], pipe: str) -> None:
    set_environment(environment)
    os.chdir(folder)
    os.dup2(os.open(pipe, os.O_WRONLY), 1)
    os.dup2(os.open("errors.txt", os.O_WRONLY | os.O_CREAT), 2)
    # As with PYTHONIOENCODING=ascii.
    sys.stdout = open(1, "w", encoding="ascii", closefd=False)  # noqa: SIM115
    sys.argv = [str(FILE), *arguments]
    program()


@pytest.mark.slow
def test_a_run_is_complete_though_its_reader_has_gone(tmp_path: Path) -> None:
    digits = Path(__file__).parents[2] / "configs/experiment/digits.yaml"
    limits = [f"--trainer.limit_{split}_batches=1" for split in ("train", "val", "test")]
    settings = ["--trainer.max_epochs=1", "--run.figures=false", "--run.wandb=off"]
    pipe = tmp_path / "output"
    os.mkfifo(pipe)
    arguments = ["fit", f"--config={digits}", *limits, *settings]
    place = (tmp_path, dict(os.environ), str(pipe))
    process = forkserver().Process(target=_train, args=(arguments, *place))
    process.start()
    with pipe.open("rb") as reader:
        assert reader.readline().startswith(b"ConvNet")
    process.join(120)
    assert process.exitcode == 0
    assert b"Traceback" not in (tmp_path / "errors.txt").read_bytes()
    assert len(list(tmp_path.glob("runs/digits/*/summary.json"))) == 1
