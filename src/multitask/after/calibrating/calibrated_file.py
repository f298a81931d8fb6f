"""A checkpoint beside another one, which tells a calibration too."""

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
    """Write a checkpoint that is another one and tells calibrations.

    Args:
        trained: the model of the checkpoint.
        checkpoint: the file that it was read from.
        told: calibrations by task; those of other tasks stay as they are.
        place: where to write, at which nothing may be.

    Raises:
        InputError: if something is there, or it cannot be written.
    """
    content = read_checkpoint(checkpoint, mmap=True)
    description = copy.deepcopy(dict(trained.description))
    for name, each in told.items():
        description["tasks"][name][CALIBRATION] = dict(each)
    stamp = content.get(KEY) or {"format": 1}
    content[KEY] = {**stamp, "description": description}
    with new_output(place) as part:
        save_content(content, part)
