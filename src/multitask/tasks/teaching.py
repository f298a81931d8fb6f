"""Factors of the tasks on the training of the shared parameters."""

from __future__ import annotations

from collections.abc import Mapping

from multitask.errors import InputError
from multitask.tasks.base import Task


def factors(tasks: Mapping[str, Task]) -> dict[str, float]:
    """The tasks' factors on their gradients for the encoder.

    Args:
        tasks: the model's tasks by name.

    Returns:
        By task, 0 or more; 0 for a task that does not train the encoder.

    Raises:
        InputError: if all factors are 0 and nothing else trains the encoder.
    """
    found = {name: task.teaches for name, task in tasks.items()}
    if all(found.values()) or any(task.teaches * task.weight > 0 for task in tasks.values()):
        return found
    given = "teaches or weight" if any(found.values()) else "teaches"
    raise InputError(
        f"{given} is 0 for every task, so nothing trains the encoder: freeze it instead"
    )
