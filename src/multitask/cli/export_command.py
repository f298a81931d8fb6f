"""``multitask export``: a trained model as a file, or a folder, that others use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from multitask.cli.options import read_options
from multitask.errors import InputError


def export_command(arguments: Sequence[str]) -> None:
    """Write a checkpoint's model in another format.

    Args:
        arguments: what follows the verb.

    Raises:
        InputError: if an argument or the checkpoint is not right, the model cannot be exported, or
            the output is there already.
    """
    optional = {"format": "onnx", "output": None, "trust": False}
    given = read_options("export", "one checkpoint", arguments, **optional)
    # Importing torch takes seconds, which a wrong argument need not wait for.
    from multitask.after.export import ENDINGS, check_format, export
    from multitask.after.trained_model import load
    from multitask.runs.log_file import say

    check_format(given.format, [*ENDINGS])
    ending = ENDINGS[given.format]
    output = Path(given.output or f"{Path(given.subject).stem}{ending}")
    if output.suffix != ending:
        raise InputError(f"--output is {output}; for {given.format} give a name with {ending}")
    done = export(load(given.subject, trust=given.trust, device="cpu"), given.format, output)
    say(f"Written, and run to compare: {done.path}")
    say(f"It differs from the checkpoint by at most {done.difference:.1g} of each task's spread.")
