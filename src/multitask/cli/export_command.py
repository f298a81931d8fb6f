"""``multitask export``: a trained model as a file or folder for other programs."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from multitask.cli.options import read_options
from multitask.errors import InputError

HUB = "hub"
OF_HUB = ("licence", "data_licence", "evaluation", "push")


def export_command(arguments: Sequence[str]) -> None:
    """Write a checkpoint's model in another format.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument or the checkpoint is invalid, the model cannot be exported, or
            the output already exists.
    """
    optional: dict[str, Any] = dict.fromkeys(("output", *OF_HUB))
    optional |= {"format": "onnx", "trust": False}
    given = read_options("export", "one checkpoint", arguments, **optional)
    # Importing torch takes seconds, which help should not wait for.
    from multitask.after.exporting.export import ENDINGS, check_format
    from multitask.checkpoints.named_checkpoint import named_checkpoint

    check_format(given.format, [*ENDINGS, HUB])
    given.subject = str(named_checkpoint(Path(given.subject)))
    output = _output(given, ENDINGS)
    if given.format == HUB:
        _export_folder(given, output)
    else:
        _export_file(given, output)


def _output(given: Namespace, endings: dict[str, str]) -> Path:
    from multitask.after.new_output import refuse_existing

    ending = endings.get(given.format, "")
    stem = Path(given.subject).resolve().stem
    output = Path(given.output or (f"{stem}_hub" if given.format == HUB else f"{stem}{ending}"))
    if given.format != HUB and output.suffix != ending:
        raise InputError(f"--output is {output}; for {given.format} give a name with {ending}")
    for name in OF_HUB if given.format != HUB else ():
        if getattr(given, name) is not None:
            raise InputError(
                f"--{name} is only for --format={HUB}, but the format is {given.format}"
            )
    refuse_existing(output)
    return output


def _export_file(given: Namespace, output: Path) -> None:
    from multitask.after.exporting.export import export
    from multitask.after.loading import load
    from multitask.runs.log_file import say

    done = export(
        load(given.subject, trust=given.trust, device="cpu", unadapted=False), given.format, output
    )
    say(f"Written, and run for comparison: {done.path}")
    for each in done.tokenizers:
        say(f"Its tokenizer is in a folder beside it: {each}")
    say(f"It differs from the checkpoint by at most {done.difference:.1g} of each task's spread.")


def _export_folder(given: Namespace, output: Path) -> None:
    from multitask.after.hub.card_facts import facts_of
    from multitask.after.hub.hub_folder import write_hub_folder
    from multitask.after.hub.hub_push import check_push, push
    from multitask.after.loading import load
    from multitask.runs.log_file import say

    if given.push is not None:
        check_push(given.push)
    trained = load(given.subject, trust=given.trust, device="cpu", unadapted=False)
    evaluation = Path(given.evaluation) if given.evaluation else None
    facts = facts_of(Path(given.subject), given.licence, given.data_licence, evaluation)
    done = write_hub_folder(trained, output, facts, given.trust)
    say(f"Written, and read back for comparison: {done.path}")
    if done.without_onnx is not None:
        say(f"It has no model.onnx: {done.without_onnx}")
    if facts.licence is None:
        say("The card states that no licence was given; choose one with --licence=, such as mit")
    if given.push is not None:
        say(f"Sent to {push(output, given.push)}")
