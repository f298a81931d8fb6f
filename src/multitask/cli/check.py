"""A single pass over a configuration, in which each setting is checked by its owner."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from inspect import Parameter
from pathlib import Path

from lightning.pytorch import Trainer

# Imported so that its classes are found by their short names.
import multitask.heads  # noqa: F401
from multitask.cli.help import check_verb
from multitask.configuration.classes import accepted
from multitask.configuration.setting_check import check_entries, check_setting, parameter_of, refuse
from multitask.configuration.settings import Setting
from multitask.configuration.tree import (
    TRUST,
    Configuration,
    joined,
    laid_over,
    read_configuration,
    values_of,
)
from multitask.configuration.types import fits
from multitask.data import DataModule
from multitask.errors import InputError, nearest
from multitask.module import MultiTask
from multitask.runs.folder import folder_of
from multitask.runs.settings import RunSettings

LARGEST_SEED = 2**32 - 1
GROUPS = {"model": MultiTask, "trainer": Trainer, "run": RunSettings}
OWNERS = {"model": "the model", "trainer": "the trainer", "run": "run"}
VERBS = ("fit", "validate", "test", "predict")
PASSED_BY_PROGRAM = re.compile(".*dataloaders|model|datamodule|self")


def check_arguments(arguments: Sequence[str]) -> Configuration:
    """Check a command line and the files that it names, before anything is parsed or created.

    Args:
        arguments: what `multitask.cli.arguments.prepare` returned.

    Raises:
        InputError: with the argument, or the file and line, and what would be valid.
    """
    check_verb(arguments)
    configuration = read_configuration(arguments, _found(joined(arguments)))
    try:
        check_tree(configuration.tree, configuration.arguments[0])
    except InputError:
        if (sentence := configuration.before_its_class()) is not None:
            raise InputError(sentence) from None
        raise
    return configuration


def _found(arguments: Sequence[str]) -> list[Path]:
    checkpoints = [Path(each) for each in values_of(arguments, "ckpt_path")]
    folder = folder_of(checkpoints[-1]) if checkpoints else None
    paths = [Path(each) for each in values_of(arguments, "config", "c")]
    found = [each for each in paths if folder and folder.resolve() in each.resolve().parents]
    # The index of a sharded checkpoint is a pickle.
    is_pickled = bool(checkpoints) and checkpoints[-1].is_dir()
    if TRUST in arguments and not found and not is_pickled:
        what = "it only applies to a configuration beside its checkpoint, and there is none here"
        raise InputError(f"remove {TRUST}: {what}")
    if is_pickled and TRUST not in arguments:
        what = f"is a folder, which is read only if you trust its author; add {TRUST}"
        raise InputError(f"the checkpoint {checkpoints[-1]} {what}")
    return found


def check_tree(tree: Setting, verb: str) -> None:
    """Check all settings of a verb; `InputError` for the first invalid one."""
    known = _top_level(verb)
    for key, setting in tree.entries.items():
        if key in GROUPS:
            _check_group(setting, key)
        elif key == "seed_everything":
            _check_seed(setting)
        elif key in known:
            check_setting(setting, known[key], (key,))
        elif any(key in _top_level(each) for each in VERBS):
            named = "such setting" if setting.is_argument else f"setting '{key}'; remove it"
            refuse(setting, (key,), f"{verb} has no {named}")
        else:
            suggestion = nearest(key, [*GROUPS, *known])
            refuse(setting, (key,), f"there is no setting '{key}'{suggestion}")


def _check_seed(setting: Setting) -> None:
    given = setting.plain()
    with suppress(TypeError, ValueError):
        # The parser accepts text for a number here, and would read true as 1.
        if fits(int, given) and 0 <= int(given) <= LARGEST_SEED:
            return
    if not fits(bool, given) or str(given).lower() != "false":
        wanted = f"a whole number from 0 to {LARGEST_SEED}, or false for an unseeded run"
        refuse(setting, ("seed_everything",), f"seed_everything is {given!r:.40}; give {wanted}")


@cache
def _top_level(verb: str) -> dict[str, Parameter]:
    known = {"data": parameter_of(DataModule), "seed_everything": parameter_of(bool | int)}
    taken = inspect.signature(getattr(Trainer, verb)).parameters
    own = [name for name in taken if not PASSED_BY_PROGRAM.fullmatch(name)]
    return known | {name: taken[name] for name in own}


def _check_group(setting: Setting, name: str) -> None:
    setting = laid_over(None, setting.opened()) if setting.names_file else setting
    for each in filter(None, (setting.replaced, setting)):
        if each.content is None:
            what = f"{name} is empty; write its settings below it, or remove it"
            refuse(each, (name,), what)
        if not isinstance(each.content, dict):
            refuse(each, (name,), f"{name} should be a mapping of settings")
    check_entries(setting.entries, accepted(GROUPS[name]), OWNERS[name], (name,))
