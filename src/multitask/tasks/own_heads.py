"""The heads of several tasks on one representation."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from multitask.encoders.forms import Form
from multitask.errors import InputError
from multitask.tasks.base import Task


def build_heads(tasks: Mapping[str, Task], form: Form) -> nn.ModuleDict:
    """Build each task's head.

    Args:
        tasks: tasks by name.
        form: form of the representation, the input of all heads.

    Raises:
        InputError: names the task that cannot read the form.
    """
    heads = nn.ModuleDict()
    for name, task in tasks.items():
        try:
            heads[name] = task.build_head(form)
        except InputError as error:
            raise InputError(f"task '{name}': {error}") from error
    return heads
