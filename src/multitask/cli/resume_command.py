"""``multitask resume``: an interrupted run, resumed in its own folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from multitask.checkpoints.named_checkpoint import LAST
from multitask.cli.run_command import RUN_FOLDER, run_command
from multitask.configuration.home_folders import home_expanded
from multitask.configuration.written_arguments import joined, values_of
from multitask.distributed import is_first_process
from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.runs.deciding_files import whole_config
from multitask.runs.last_run import resumable_run
from multitask.runs.log_file import say
from multitask.runs.owner import refuse_second
from multitask.runs.resumed_choices import refuse_changed_choices


def resume_command(arguments: Sequence[str]) -> None:
    """Resume a run with its last configuration and checkpoint.

    Args:
        arguments: arguments after the verb, ``[RUN] [--KEY=VALUE ...]``.

    Raises:
        InputError: if there is no such run, or an argument is invalid.
    """
    folder = resumed_folder(arguments)
    refuse_second(folder)
    command = fit_arguments(folder, arguments)
    refuse_changed_choices(command)
    run_command(command, folder)


def resumed_folder(arguments: Sequence[str]) -> Path:
    """The folder of the run to resume; `InputError` if there is none."""
    if not is_first_process() and RUN_FOLDER in os.environ:
        return Path(os.environ[RUN_FOLDER])
    given = joined(arguments)
    runs = [each for each in given if not each.startswith("-")]
    if len(runs) > 1:
        raise InputError(f"resume continues one run, not {listed(runs)}")
    root = home_expanded((values_of(given, "run.root") or ["runs"])[-1])
    folder = resumable_run(runs[0] if runs else None, root)
    if not runs:
        say(f"Continuing {folder}")
    return folder


def fit_arguments(folder: Path, arguments: Sequence[str]) -> list[str]:
    """The command line that resumes a run, including the arguments after ``resume``."""
    given = [each for each in joined(arguments) if each.startswith("-")]
    return ["fit", f"--config={whole_config(folder)}", f"--ckpt_path={folder / LAST}", *given]
