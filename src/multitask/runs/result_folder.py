"""The folder for results about a checkpoint, such as an evaluation."""

from __future__ import annotations

from pathlib import Path

from multitask.errors import naming
from multitask.pages.yaml_text import to_yaml
from multitask.runs.folder import PROVENANCE, folder_of, make_folder, new_folder
from multitask.runs.log_file import keep_log
from multitask.runs.provenance import provenance


def result_folder(given: str | None, checkpoint: Path, inside: str, alone: str) -> Path:
    """Create a new folder with a log and a record of the origin of the results.

    Args:
        given: the folder that the user asked for; default: a folder inside the run that the
            checkpoint belongs to.
        checkpoint: path of the file.
        inside: name of the folder inside a run that contains one folder per result.
        alone: name in the current directory, if the checkpoint does not belong to a run.

    Raises:
        InputError: if it cannot be created.
    """
    run = folder_of(checkpoint)
    parent = Path(alone) if run is None else run / inside
    folder = new_folder(parent if given is None else Path(given))
    make_folder(folder)
    keep_log(folder)
    with naming(folder):
        (folder / PROVENANCE).write_text(to_yaml(provenance()), encoding="utf-8")
    return folder
