"""The calibration of each task, which is stored in a checkpoint's description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from multitask.errors import InputError

if TYPE_CHECKING:
    from multitask.tasks import Task

CALIBRATION = "calibration"
"""Key of the calibration in a task's part of the description."""


def take_calibrations(tasks: Mapping[str, Task], described: Mapping[str, Any] | None) -> None:
    """Make tasks predict with their calibrations, and all others as they were trained.

    Args:
        tasks: the model's tasks by name.
        described: the ``tasks`` of a description, see `multitask.training.description.describe`;
            None if there is none.

    Raises:
        InputError: naming the task whose calibration is invalid.
    """
    for name, task in tasks.items():
        told = (described or {}).get(name)
        try:
            task.take_calibration(told.get(CALIBRATION) if isinstance(told, Mapping) else None)
        except InputError as error:
            raise InputError(f"task '{name}': {error}") from error
