"""The new task and its data, from a run's configuration merged with that of the task."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

from jsonargparse import ArgumentParser

from multitask.after.extending import Extension
from multitask.after.older_checkpoints import made_data
from multitask.checkpoints.reading import explained
from multitask.configuration.setting_check import check_setting, parameter_of
from multitask.configuration.settings import Setting, read_config
from multitask.configuration.tree import Configuration
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.tasks import Task
from multitask.tasks.naming import check_names
from multitask.training.data_check import check_data
from multitask.training.description import described_tasks, take_names

COUNTS = ("model", "data", "seed_everything")
"""Settings of the new task's file that are used."""
BESIDE_OTHERS = ("weight", "teaches")
"""Settings of a task that matter only beside other tasks."""


@dataclass(frozen=True)
class NewTask:
    """A task that is new to a run.

    Args:
        name: name of the task.
        task: the task, which has seen no target yet.
        data: the data, loaded.
        seed: seed for drawing samples.
        settings: settings of the task and of the data, as plain values.
    """

    name: str
    task: Task
    data: DataModule
    seed: int
    settings: dict[str, object]


def new_task(found: Extension, file: Path) -> NewTask:
    """Create the task and its data.

    Args:
        found: the run's configuration, merged with that of the file.
        file: the file that names the new task.

    Raises:
        InputError: if the file does not have exactly one new task, has a setting that would be
            ignored or is invalid, or if the data do not fit the task.
    """
    _refuse_idle(read_config(file))
    if len(found.new) != 1:
        raise InputError(
            f"{file} has the new tasks {listed(found.new)}; adapt learns only one, so name one"
        )
    name, tree = found.new[0], found.settings
    given, told = tree.entries["model"].entries["tasks"].entries[name], tree.entries.get("data")
    if told is None:
        raise InputError(
            f"{file} names no data, and the run has none for a new task; add some under data"
        )
    seed = tree.entries.get("seed_everything")
    with Configuration([], [], tree, is_trusted=found.trust).imports():
        task = _made(name, given)
        _refuse_relative(name, given, task)
        check_names({name: task})
        data = made_data(told, seed, f"{file}: the data")
    if data.deals_episodes:
        raise InputError(
            f"{file}: {type(data).__name__} deals episodes, but adapt draws them from "
            "ordinary samples; use the data that the episodes are made of"
        )
    take_names({name: task}, described_tasks({name: task}, data))
    # A copy computes the statistics of all labels, which few-shot learners do not have.
    check_data({name: copy.deepcopy(task)}, data, "train")
    number = 0 if seed is None else seed.plain()
    plain = {"task": given.plain(), "data": told.plain(), "seed_everything": number}
    is_number = isinstance(number, int) and not isinstance(number, bool)
    return NewTask(name, task, data, number if is_number else 0, plain)


def _refuse_idle(added: Setting) -> None:
    """Reject settings of a training, because there is no ordinary training."""
    model = added.entries["model"].entries
    idle = {key: each for key, each in added.entries.items() if key not in COUNTS}
    idle |= {f"model.{key}": each for key, each in model.items() if key != "tasks"}
    for key, each in idle.items():
        raise InputError(
            f"{each.place}: {key} has no effect here, because the learners of adapt do not use "
            "it; remove it"
        )


def _refuse_relative(name: str, given: Setting, task: Task) -> None:
    """Reject settings that only matter beside other tasks."""
    for key in BESIDE_OTHERS:
        if getattr(task, key) != 1:
            raise InputError(
                f"{given.place}: '{name}' is the only task, so its {key} has no effect; remove it"
            )


def _made(name: str, setting: Setting) -> Task:
    check_setting(setting, parameter_of(Task), ("model", "tasks", name))
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(Task, "task")
    with explained(f"{setting.place}: task '{name}' cannot be made"):
        made: Task = parser.instantiate(parser.parse_object({"task": setting.plain()})).task
        return made
