"""A copy of a checkpoint that also contains a calibration."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multitask.after.new_output import new_output
from multitask.after.trained_model import TrainedModel
from multitask.checkpoints.atomic_writing import save_content
from multitask.checkpoints.calibrations import CALIBRATION
from multitask.checkpoints.format import KEY
from multitask.checkpoints.reading import read_checkpoint

NAME = "calibrated.ckpt"


def write_calibrated(
    trained: TrainedModel, checkpoint: Path, told: Mapping[str, Mapping[str, Any]], place: Path
) -> None:
    """Write a copy of a checkpoint that contains calibrations.

    Args:
        trained: the model of the checkpoint.
        checkpoint: the file that the model was read from.
        told: calibrations by task; those of other tasks are unchanged.
        place: path to write to, which must not exist.

    Raises:
        InputError: if the path exists or cannot be written.
    """
    content = read_checkpoint(checkpoint, mmap=True)
    description = copy.deepcopy(dict(trained.description))
    for name, each in told.items():
        description["tasks"][name][CALIBRATION] = dict(each)
    stamp = content.get(KEY) or {"format": 1}
    content[KEY] = {**stamp, "description": description}
    with new_output(place) as part:
        save_content(content, part)
