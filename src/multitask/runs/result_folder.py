"""The folder of what is found out about a checkpoint, such as an evaluation."""

from __future__ import annotations

from pathlib import Path

from multitask.errors import naming
from multitask.pages.yaml_text import to_yaml
from multitask.runs.folder import PROVENANCE, folder_of, make_folder, new_folder
from multitask.runs.log_file import keep_log
from multitask.runs.provenance import provenance


def result_folder(given: str | None, checkpoint: Path, inside: str, alone: str) -> Path:
    """Make a new folder, with a log and where what follows comes from.

    Args:
        given: the folder that a person asked for; default: within the checkpoint's run, to which
            what is found about its checkpoint belongs.
        checkpoint: path of the file.
        inside: name of the folder within a run, in which each result has one of its own.
        alone: its name here, if the checkpoint lies in no run.

    Raises:
        InputError: if it cannot be made.
    """
    run = folder_of(checkpoint)
    parent = Path(alone) if run is None else run / inside
    folder = new_folder(parent if given is None else Path(given))
    make_folder(folder)
    keep_log(folder)
    with naming(folder):
        (folder / PROVENANCE).write_text(to_yaml(provenance()), encoding="utf-8")
    return folder
