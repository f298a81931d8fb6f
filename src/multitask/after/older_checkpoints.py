"""Input descriptions for older checkpoints, from the configuration beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from multitask.configuration.setting_check import check_setting, parameter_of
from multitask.configuration.settings import Setting, read_config
from multitask.configuration.trust import known_imports_only
from multitask.data import DataModule
from multitask.errors import InputError, settings_blamed
from multitask.module import MultiTask
from multitask.runs.deciding_files import whole_config
from multitask.runs.folder import folder_of
from multitask.training.description import describe

SEED = "PL_GLOBAL_SEED"
"""Environment variable in which Lightning stores a run's seed."""
VOUCHED = "whoever made the run: give --trust, or trust=True in Python"


def description_beside(path: Path, content: Mapping[str, Any], trust: bool) -> dict[str, Any]:
    """Describe a model's inputs from the configuration and data of its run.

    Args:
        path: the checkpoint, written before checkpoints contained this themselves.
        content: content of the checkpoint.
        trust: whether the configuration may name any class.

    Returns:
        See `multitask.training.description.describe`.

    Raises:
        InputError: if it is not in a run's folder, or the run's data no longer exist.
    """
    if folder_of(path) is None:
        raise InputError(
            f"{path} was written by an older version and does not record what its model accepts; "
            "put it back into the folder of its run, beside config.yaml, or continue training it "
            "with this version"
        )
    data = data_beside(path, trust)
    tasks = MultiTask.load_from_checkpoint(path, map_location="cpu", trust=trust).named_tasks
    found = describe(tasks, data)
    # They are stored beside the description.
    found.pop("training_images")
    return found


def data_beside(path: Path, trust: bool) -> DataModule:
    """The data of a checkpoint's run, loaded.

    Args:
        path: the checkpoint.
        trust: whether the configuration may name any class.

    Raises:
        InputError: if it is not in a run's folder, or the data no longer exist.
    """
    folder = folder_of(path)
    if folder is None:
        raise InputError(
            f"{path} is not in a run's folder, whose configuration names the data; give a table of "
            "labelled images"
        )
    config = whole_config(folder)
    entries = read_config(config, untrusted="" if trust else VOUCHED).entries
    settings, seed = entries.get("data"), entries.get("seed_everything")
    if settings is None:
        raise InputError(f"{config} has no data, so it is unknown what the model of {path} accepts")
    imports = nullcontext() if trust else known_imports_only()
    with imports:
        return made_data(settings, seed, f"{config}: the data that {path} needs")


def made_data(settings: Setting, seed: Setting | None, told: str) -> DataModule:
    """Create the data of a configuration, and load them.

    Args:
        settings: settings of the data.
        seed: seed of the run, used by data without their own; default: 0.
        told: description of the data at the beginning of an error message.

    Raises:
        InputError: if a setting is invalid, or the data do not exist.
    """
    with _seed(0 if seed is None else seed.plain()):
        check_setting(settings, parameter_of(DataModule), ("data",))
        parser = ArgumentParser(exit_on_error=False)
        parser.add_subclass_arguments(DataModule, "data")
        data = _made(parser, settings.plain(), told)
    plain = settings.plain()
    given = plain.get("init_args") if isinstance(plain, dict) else None
    data.recipe_of_transforms = (given or {}).get("transforms") or []
    return data


def _made(parser: ArgumentParser, settings: Any, told: str) -> DataModule:
    try:
        with settings_blamed(f"{told} cannot be made"):
            data = parser.instantiate(parser.parse_object({"data": settings})).data
            data.setup()
    except InputError as error:
        if str(error).startswith(told):
            raise
        raise InputError(f"{told} cannot be made: {error}") from error
    return data


@contextmanager
def _seed(number: Any) -> Iterator[None]:
    """Give data without their own seed that of their run, as in training."""
    before = os.environ.get(SEED)
    if isinstance(number, int) and not isinstance(number, bool):
        os.environ[SEED] = str(number)
    try:
        yield
    finally:
        os.environ.pop(SEED, None)
        if before is not None:
            os.environ[SEED] = before
