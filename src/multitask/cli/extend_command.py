"""``multitask extend``: tasks added to a trained model, which keeps its existing tasks."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from multitask.after.extending import extension
from multitask.after.new_output import new_output, refuse_existing
from multitask.cli.check import check_tree
from multitask.cli.help import usage
from multitask.cli.options import read_options
from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.runs.log_file import say


def extend_command(arguments: Sequence[str]) -> None:
    """Write a configuration with a run's tasks and new ones.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument, the run or the new tasks are invalid, or the output already
            exists.
    """
    options = {"config": None, "output": "extended.yaml", "trust": False}
    given = read_options("extend", "one run or checkpoint", arguments, **options)
    if given.config is None:
        raise InputError(f"extend needs the new tasks: --config=FILE; write {usage('extend')}")
    output = Path(given.output)
    refuse_existing(output)
    found = extension(Path(given.subject), Path(given.config), given.trust)
    check_tree(found.settings, "fit")
    with new_output(output) as part:
        part.write_text(found.text(output.stem), encoding="utf-8")
    say(f"Keeps {listed(found.kept)} of {found.checkpoint}; new: {listed(found.new)}")
    say(f"Written: {output}")
    say(f"Check it, and train: multitask fit --config {shlex.quote(str(output))}")
