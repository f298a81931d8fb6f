"""The one pass over a configuration: each setting against what its owner's signature takes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from inspect import Parameter
from typing import Any, NoReturn

import yaml
from lightning.pytorch import Trainer

from multitask.cli.checking.classes import accepted, choose, find_class
from multitask.cli.checking.settings import Setting
from multitask.cli.checking.tree import (
    CLASS_KEYS,
    NO_VALUE,
    Configuration,
    laid_over,
    read_configuration,
)
from multitask.cli.checking.types import Kinds, choices, fits, kinds_of, words
from multitask.cli.help import check_verb
from multitask.data import DataModule
from multitask.errors import InputError, nearest
from multitask.module import MultiTask
from multitask.runs.settings import RunSettings

Keys = tuple[str, ...]
"""Those that lead to a setting, ``init_args`` left out."""
Entries = Mapping[str, Setting]
Known = Mapping[str, Parameter] | None
"""What may be set, None if only the parser can tell."""
GROUPS = {"model": MultiTask, "trainer": Trainer, "run": RunSettings}
OWNERS = {"model": "the model", "trainer": "the trainer", "run": "run"}
VERBS = ("fit", "validate", "test", "predict")
PASSED_BY_PROGRAM = re.compile(".*dataloaders|model|datamodule|self")


class AbsentError(InputError):
    """Something is not there."""


def check_arguments(arguments: Sequence[str]) -> Configuration:
    """Check a command line and the files that it names, before anything is parsed or made.

    Args:
        arguments: what `multitask.cli.arguments.prepare` returned.

    Raises:
        InputError: naming the argument, or the file and line, and what would be right.
    """
    check_verb(arguments)
    configuration = read_configuration(arguments)
    try:
        _check_tree(configuration.tree, configuration.arguments[0])
    except InputError:
        if (sentence := configuration.before_its_class()) is not None:
            raise InputError(sentence) from None
        raise
    return configuration


def _check_tree(tree: Setting, verb: str) -> None:
    known = _top_level(verb)
    for key, setting in tree.entries.items():
        if key in GROUPS:
            _check_group(setting, key)
        elif key in known:
            _check(setting, known[key], (key,))
        elif any(key in _top_level(each) for each in VERBS):
            named = "such setting" if setting.is_argument else f"setting '{key}'; remove it"
            _refuse(setting, (key,), f"{verb} has no {named}")
        else:
            suggestion = nearest(key, [*GROUPS, *known])
            _refuse(setting, (key,), f"there is no setting '{key}'{suggestion}")


def _refuse(
    setting: Setting, keys: Keys, what: str, kind: type[InputError] = InputError
) -> NoReturn:
    is_task = keys[:2] == ("model", "tasks") and len(keys) > 2
    subject = f"task '{keys[2]}': " if is_task else ""
    raise kind(" ".join(f"{setting.place}: {subject}{what}".split()))


@cache
def _top_level(verb: str) -> dict[str, Parameter]:
    known = {"data": _parameter(DataModule), "seed_everything": _parameter(bool | int)}
    taken = inspect.signature(getattr(Trainer, verb)).parameters
    own = [name for name in taken if not PASSED_BY_PROGRAM.fullmatch(name)]
    return known | {name: taken[name] for name in own}


def _parameter(annotation: Any) -> Parameter:
    return Parameter("value", Parameter.KEYWORD_ONLY, annotation=annotation)


def _check_group(setting: Setting, name: str) -> None:
    setting = laid_over(None, setting.opened()) if setting.names_file else setting
    for each in filter(None, (setting.replaced, setting)):
        if each.content is None:
            what = f"{name} is empty; write its settings below it, or leave it out"
            _refuse(each, (name,), what)
        if not isinstance(each.content, dict):
            _refuse(each, (name,), f"{name} should be a mapping of settings")
    _check_entries(setting.entries, accepted(GROUPS[name]), OWNERS[name], (name,))


def _check_entries(entries: Entries, known: Known, owner: str, keys: Keys) -> None:
    for key, value in entries.items():
        if known is not None and key in known:
            _check(value, known[key], (*keys, key))
        elif known is not None:
            suggestion = nearest(key, known)
            _refuse(value, (*keys, key), f"{owner} has no setting '{key}'{suggestion}")


def _check(setting: Setting, parameter: Parameter, keys: Keys) -> None:
    if setting.replaced is not None:
        # What it lacked does not matter any more.
        with suppress(AbsentError):
            _check(setting.replaced, parameter, keys)
    kinds = kinds_of(parameter.annotation)
    opens = setting.names_file and (kinds.classes or kinds.values is not None)
    if opens and not any(fits(each, setting.content) for each in kinds.plain):
        setting = laid_over(None, setting.opened())
    content, flag = setting.content, setting.place
    if content == NO_VALUE:
        value = "true" if fits(parameter.annotation, "true") else "..."
        raise InputError(f"{flag} has no value; write {flag}={value}")
    is_default = content is None and parameter.default is None
    if is_default or (isinstance(content, str) and "${" in content):
        return
    if isinstance(content, dict) and kinds.classes:
        _check_object(setting, parameter, keys)
    elif isinstance(content, dict) and kinds.values is not None:
        _check_named(content, kinds.values, keys)
    elif isinstance(content, dict) and kinds.settings is not None:
        known = accepted(kinds.settings)
        _check_entries(content, known, kinds.settings.__name__, keys)
        _refuse_absent(setting, content, kinds.settings, known, keys)
    elif isinstance(content, list) and kinds.items is not None:
        for item in content:
            _check(item, _parameter(kinds.items), keys)
    elif not fits(parameter.annotation, setting.plain()):
        _refuse_value(setting, parameter, keys)


def _check_named(entries: Entries, annotation: Any, keys: Keys) -> None:
    unknown = {
        name
        for name, each in entries.items()
        if each.is_argument and each.entries and "class_path" not in each.entries
    }
    for name, value in entries.items():
        if name in unknown and kinds_of(annotation).classes:
            noun = "task" if keys == ("model", "tasks") else keys[-1]
            suggestion = nearest(name, entries.keys() - unknown)
            _refuse(value, keys, f"there is no {noun} '{name}'{suggestion}")
        _check(value, _parameter(annotation), (*keys, name))


def _refuse_value(setting: Setting, parameter: Parameter, keys: Keys) -> None:
    kinds, name, said = kinds_of(parameter.annotation), keys[-1], words(parameter.annotation)
    if isinstance(setting.content, str) and kinds.classes:
        try:
            named = Setting(setting.place, {"class_path": setting})
            return _check_object(named, parameter, keys)
        except InputError as error:
            # A word that is near no class was hardly meant as one if other types fit too.
            if not kinds.plain[:-1] or "did you mean" in str(error):
                raise
    given = setting.plain()
    if given is None:
        _refuse(setting, keys, f"{name} is empty; it should be {said}")
    listed = choices(parameter.annotation)
    near = nearest(str(given), listed)
    near = near if "mean" in near else _colon_advice(setting)
    meant = [each for each in listed if isinstance(given, bool) and yaml.safe_load(each) is given]
    if meant:
        near = f"; write '{meant[0]}' in quotes, as YAML takes it for {given} without"
    _refuse(setting, keys, f"{name} should be {said}, not {given!r:.80}{near}")


def _colon_advice(setting: Setting) -> str:
    # As in {class_path:Name}, which YAML takes for a text.
    is_tight = setting.is_argument and re.search(r"=.*\{.*\w:\S", setting.place)
    return "; in braces a space follows each colon" if is_tight else ""


def _check_object(setting: Setting, parameter: Parameter, keys: Keys) -> None:
    kinds = kinds_of(parameter.annotation)
    named = setting.entries.get("class_path")
    default = None if parameter.default is Parameter.empty else parameter.default
    if named is None and not isinstance(default, type):
        _refuse_without_class(setting, kinds, keys)
    if named is not None and not isinstance(named.content, str):
        _refuse(named, keys, f"class_path should name a class{choose(kinds.classes)}")
    found = find_class(named.content, kinds.classes) if named else default
    if isinstance(found, str):
        _refuse(named or setting, keys, found)
    elif found is not None:
        _check_described(setting, found, kinds.filled, keys)


def _refuse_without_class(setting: Setting, kinds: Kinds, keys: Keys) -> NoReturn:
    if near := get_close_matches("class_path", setting.entries, n=1, cutoff=0.7):
        what = f"there is no '{near[0]}'; did you mean 'class_path'?"
        _refuse(setting.entries[near[0]], keys, what)
    first = next(iter(setting.entries.values()), setting)
    advice = _colon_advice(first) or choose(kinds.classes)
    _refuse(first, keys, f"{keys[-1]} has no class_path{advice}")


def _check_described(setting: Setting, cls: type, filled: int, keys: Keys) -> None:
    known = accepted(cls, filled)
    given = setting.entries.get("init_args", Setting(setting.place, {}))
    beside = {key: each for key, each in setting.entries.items() if key not in CLASS_KEYS}
    for key, value in beside.items() if "class_path" in setting.entries else ():
        what = f"'{key}' cannot stand beside class_path{nearest(key, CLASS_KEYS)}"
        if key in (known or ()):
            what = f"'{key}' belongs under init_args, not beside class_path"
        _refuse(value, keys, what)
    if given.content is None:
        what = "init_args is empty; remove it, or write its settings under it"
        _refuse(given, keys, what)
    entries = {**beside, **given.entries}
    _check_entries(entries, known, cls.__name__, keys)
    before = setting.replaced.entries.get("init_args") if setting.replaced else None
    _refuse_absent(setting, {**entries, **(before or given).entries}, cls, known, keys)


def _refuse_absent(setting: Setting, given: Entries, cls: type, known: Known, keys: Keys) -> None:
    for name, parameter in (known or {}).items():
        if parameter.default is Parameter.empty and name not in given:
            known_type = parameter.annotation not in (Any, Parameter.empty)
            kind = f" ({words(parameter.annotation)})" if known_type else ""
            named = setting.entries.get("class_path", setting)
            _refuse(named, keys, f"{cls.__name__} needs {name}{kind}", AbsentError)
