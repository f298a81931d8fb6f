"""``multitask new``: a project for the user's own code."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from multitask.cli.help import usage
from multitask.cli.options import read_options
from multitask.errors import InputError
from multitask.project.new_project import write_project
from multitask.runs.log_file import say


def new_command(arguments: Sequence[str]) -> None:
    """Write a project.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if the name or an argument is invalid, or the folder is not empty.
    """
    given = read_options("new", "one name", arguments)
    for each in given.settings:
        raise InputError(f"{each}: new has no settings; write {usage('new')}")
    folder = Path(given.subject)
    files = write_project(folder)
    say(f"Written: {folder}, {len(files)} files; its README.md has the commands")
    install = f'cd {shlex.quote(str(folder))} && pip install -e ".[dev]"'
    say(f"To start: {install} && multitask fit --config configs/experiment/shapes.yaml")
