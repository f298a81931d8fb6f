"""``multitask``: the program."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module

from multitask.cli.help import VERBS, help_for
from multitask.configuration.environment import check_environment
from multitask.configuration.written_arguments import has_subject
from multitask.errors import bad_input
from multitask.processes.variables import check_variables, is_first_here
from multitask.runs.log_file import LOG, leave_log
from multitask.runs.screen import print_alone
from multitask.runs.warnings_shown import quiet_warnings

OF_TRAINER = ("fit", "validate", "test", "predict")
"""Verbs with a common command; each other verb has a file here, and a function of that name."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; invalid input ends with one sentence and exit code 2.

    Args:
        arguments: the command line, without the program's name.
    """
    leave_log()
    # Classes in the user's own files are found by their class path. The working folder comes last,
    # so that none of its files shadows a library.
    sys.path[:] = [*(each for each in sys.path if each not in ("", os.getcwd())), os.getcwd()]
    quiet_warnings()
    # The report states in the program's own words where the run is.
    os.environ.setdefault("WANDB_SILENT", "true")
    os.environ.setdefault("WANDB_INIT_TIMEOUT", "30")
    # Otherwise a dead server would keep the program from exiting.
    os.environ.setdefault("WANDB_FINISH_TIMEOUT", "300")
    # PyTorch would print its own stack trace for each failed attempt to reach another process.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if code := _code_of(sys.argv[1:] if arguments is None else list(arguments)):
        # Not while handling the exception, which would keep its frames alive until interpreter
        # exit, where libraries warn about remaining objects.
        sys.exit(code)


def _code_of(arguments: list[str]) -> int:
    try:
        _run(arguments)
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except Exception as error:
        if (sentence := bad_input(error)) is None:
            LOG.exception("the program failed")
            raise
        _say(str(sentence))
        return 2
    return 0


def _say(text: str) -> None:
    # Other processes have the same message.
    if is_first_here():
        print(f"multitask: {text}", file=sys.stderr)
    with suppress(OSError):
        LOG.error(text)


def _run(arguments: list[str]) -> None:
    if (text := help_for(arguments)) is not None:
        print_alone(text)
        return
    check_variables()
    check_environment()
    verb, own = "".join(arguments[:1]), VERBS.keys() - set(OF_TRAINER)
    if verb == "predict" and has_subject(arguments[1:]):
        own.add(verb)
    name = f"{verb.replace('-', '_')}_command" if verb in own else "run_command"
    # Imported here, so that an interrupt while Lightning is imported also gives a single line.
    with _uncollected():
        command = getattr(import_module(f"multitask.cli.{name}"), name)
    command(arguments[1:] if name != "run_command" else arguments)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Import libraries, and exclude the imported objects from garbage collection.

    They all live until the program ends, and Python's collector would scan them again and again,
    which takes a second at the start of a run alone.
    """
    # If they have been imported already, `freeze` would keep the process's garbage forever.
    is_first = gc.isenabled() and "lightning.pytorch" not in sys.modules
    if is_first:
        gc.disable()
    try:
        yield
    finally:
        if is_first:
            gc.freeze()
            gc.enable()
