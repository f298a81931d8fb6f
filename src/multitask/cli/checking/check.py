"""The one pass over a configuration: each setting against what its owner's signature takes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from inspect import Parameter
from typing import Any, NoReturn

import yaml
from lightning.pytorch import Trainer

from multitask.cli.checking.classes import Accepted, accepted, choose, find_class
from multitask.cli.checking.settings import Place, Setting
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

GROUPS = {"model": MultiTask, "trainer": Trainer, "run": RunSettings}
OWNERS = {"model": "the model", "trainer": "the trainer", "run": "run"}
VERBS = ("fit", "validate", "test", "predict")
PASSED_BY_PROGRAM = ("model", "datamodule", "self")


@dataclass(frozen=True)
class Spot:
    """How far the pass has come.

    Args:
        keys: those that lead here, ``init_args`` left out.
        replaced: whether a later setting took this one's place, so that nothing can be absent.
    """

    keys: tuple[str, ...]
    replaced: bool = False

    def below(self, key: str) -> Spot:
        """The spot of an entry."""
        return replace(self, keys=(*self.keys, key))


def check_arguments(arguments: Sequence[str]) -> Configuration:
    """Check a command line and the files that it names, before anything is parsed or made.

    Args:
        arguments: what `multitask.cli.arguments.prepare` returned.

    Returns:
        What they say, for those who come after.

    Raises:
        InputError: naming the argument, or the file and line, and what would be right.
    """
    check_verb(arguments)
    configuration = read_configuration(arguments)
    try:
        _check_tree(configuration.tree)
    except InputError:
        if (sentence := configuration.before_its_class()) is not None:
            raise InputError(sentence) from None
        raise
    return configuration


def _check_tree(tree: Setting) -> None:
    known = _top_level()
    for key, setting in tree.entries.items():
        if key in GROUPS:
            _check_group(setting, key)
        elif key in known:
            _check(setting, known[key], Spot((key,)))
        else:
            suggestion = nearest(key, [*GROUPS, *known])
            _refuse(setting.place, Spot((key,)), f"there is no setting '{key}'{suggestion}")


def _refuse(place: Place, spot: Spot, what: str) -> NoReturn:
    is_task = spot.keys[:2] == ("model", "tasks") and len(spot.keys) > 2
    subject = f"task '{spot.keys[2]}': " if is_task else ""
    raise InputError(" ".join(f"{place.text}: {subject}{what}".split()))


@cache
def _top_level() -> dict[str, Parameter]:
    known = {"data": _parameter(DataModule), "seed_everything": _parameter(bool | int)}
    for verb in VERBS:
        for name, parameter in inspect.signature(getattr(Trainer, verb)).parameters.items():
            if name not in PASSED_BY_PROGRAM and "dataloaders" not in name:
                known[name] = parameter
    return known


def _parameter(annotation: Any) -> Parameter:
    return Parameter("value", Parameter.KEYWORD_ONLY, annotation=annotation)


def _check_group(setting: Setting, name: str) -> None:
    spot = Spot((name,))
    setting = laid_over(None, setting.opened()) if setting.names_file else setting
    for each in filter(None, (setting.replaced, setting)):
        if each.content is None:
            what = f"{name} is empty; write its settings below it, or leave it out"
            _refuse(each.place, spot, what)
        if not isinstance(each.content, dict):
            _refuse(each.place, spot, f"{name} should be a mapping of settings")
    _check_entries(setting, accepted(GROUPS[name]), OWNERS[name], spot)


def _check_entries(setting: Setting, known: Accepted, owner: str, spot: Spot) -> None:
    for key, value in setting.entries.items():
        if key in known.parameters:
            _check(value, known.parameters[key], spot.below(key))
        elif not known.open:
            suggestion = nearest(key, known.parameters)
            _refuse(value.place, spot.below(key), f"{owner} has no setting '{key}'{suggestion}")


def _check(setting: Setting, parameter: Parameter, spot: Spot) -> None:
    if setting.replaced is not None:
        _check(setting.replaced, parameter, replace(spot, replaced=True))
    kinds = kinds_of(parameter.annotation)
    opens = kinds.classes or kinds.values is not None
    if setting.names_file and opens and not _is_plain(setting, kinds):
        setting = laid_over(None, setting.opened())
    content = setting.content
    if content == NO_VALUE:
        _refuse_missing_value(setting, parameter)
    is_default = content is None and parameter.default is None
    if is_default or (isinstance(content, str) and "${" in content):
        return
    if isinstance(content, dict) and kinds.classes:
        _check_object(setting, parameter, spot)
    elif isinstance(content, dict) and kinds.values is not None:
        _check_named(setting, kinds.values, spot)
    elif isinstance(content, dict) and kinds.settings is not None:
        known = accepted(kinds.settings)
        _check_entries(setting, known, kinds.settings.__name__, spot)
        _check_absent(setting, setting.entries, known, (kinds.settings, spot))
    elif isinstance(content, list) and kinds.items is not None:
        for item in content:
            _check(item, _parameter(kinds.items), spot)
    elif not fits(parameter.annotation, setting.plain()):
        _refuse_value(setting, parameter, spot)


def _refuse_missing_value(setting: Setting, parameter: Parameter) -> NoReturn:
    flag = setting.place.text
    value = "true" if fits(parameter.annotation, "true") else "..."
    raise InputError(f"{flag} has no value; write {flag}={value}")


def _check_named(setting: Setting, annotation: Any, spot: Spot) -> None:
    unknown = {
        name
        for name, each in setting.entries.items()
        if each.place.is_argument and each.entries and "class_path" not in each.entries
    }
    for name, value in setting.entries.items():
        if name in unknown and kinds_of(annotation).classes:
            noun = "task" if spot.keys == ("model", "tasks") else spot.keys[-1]
            suggestion = nearest(name, setting.entries.keys() - unknown)
            _refuse(value.place, spot, f"there is no {noun} '{name}'{suggestion}")
        _check(value, _parameter(annotation), spot.below(name))


def _is_plain(setting: Setting, kinds: Kinds) -> bool:
    return any(fits(each, setting.plain()) for each in kinds.plain)


def _refuse_value(setting: Setting, parameter: Parameter, spot: Spot) -> None:
    kinds, name = kinds_of(parameter.annotation), spot.keys[-1]
    if isinstance(setting.content, str) and kinds.classes:
        named = Setting(setting.place, {"class_path": setting})
        try:
            return _check_object(named, parameter, spot)
        except InputError as error:
            # A word that is near no class was hardly meant as one if other types fit too.
            if not kinds.plain[:-1] or "did you mean" in str(error):
                raise
    given = setting.plain()
    if given is None:
        what = f"{name} is empty; it should be {words(parameter.annotation)}"
        _refuse(setting.place, spot, what)
    listed = choices(parameter.annotation)
    near = nearest(str(given), listed)
    near = near if "mean" in near else _colon_advice(setting.place)
    meant = [each for each in listed if isinstance(given, bool) and yaml.safe_load(each) is given]
    if meant:
        near = f"; write '{meant[0]}' in quotes, as YAML takes it for {given} without"
    what = f"{name} should be {words(parameter.annotation)}, not {given!r:.80}{near}"
    _refuse(setting.place, spot, what)


def _colon_advice(place: Place) -> str:
    # As in {class_path:Name}, which YAML takes for a text.
    is_tight = place.is_argument and re.search(r"=.*\{.*\w:\S", place.text)
    return "; in braces a space follows each colon" if is_tight else ""


def _check_object(setting: Setting, parameter: Parameter, spot: Spot) -> None:
    kinds = kinds_of(parameter.annotation)
    named = setting.entries.get("class_path")
    default = None if parameter.default is Parameter.empty else parameter.default
    if named is None and not isinstance(default, type):
        _refuse_without_class(setting, kinds, spot)
    if named is not None and not isinstance(named.content, str):
        what = f"class_path should name a class{choose(kinds.classes)}"
        _refuse(named.place, spot, what)
    found = find_class(named.content, kinds.classes) if named else default
    if isinstance(found, str):
        _refuse(named.place if named else setting.place, spot, found)
    elif found is not None:
        _check_described(setting, found, kinds.filled, spot)


def _refuse_without_class(setting: Setting, kinds: Kinds, spot: Spot) -> NoReturn:
    if near := get_close_matches("class_path", setting.entries, n=1, cutoff=0.7):
        place = setting.entries[near[0]].place
        _refuse(place, spot, f"there is no '{near[0]}'; did you mean 'class_path'?")
    place = next(iter(setting.entries.values()), setting).place
    advice = _colon_advice(place) or choose(kinds.classes)
    _refuse(place, spot, f"{spot.keys[-1]} has no class_path{advice}")


def _check_described(setting: Setting, cls: type, filled: int, spot: Spot) -> None:
    known = accepted(cls, filled)
    given = setting.entries.get("init_args", Setting(setting.place, {}))
    beside = {key: each for key, each in setting.entries.items() if key not in CLASS_KEYS}
    if "class_path" not in setting.entries:
        given = Setting(given.place, {**beside, **given.entries})
    elif beside:
        key, value = next(iter(beside.items()))
        what = f"'{key}' cannot stand beside class_path{nearest(key, CLASS_KEYS)}"
        if key in known.parameters:
            what = f"'{key}' belongs under init_args, not beside class_path"
        _refuse(value.place, spot, what)
    if given.content is None:
        what = "init_args is empty; remove it, or write its settings under it"
        _refuse(given.place, spot, what)
    _check_entries(given, known, cls.__name__, spot)
    before = setting.replaced.entries.get("init_args") if setting.replaced else None
    kept = before.entries if before else {}
    _check_absent(setting, {**kept, **given.entries}, known, (cls, spot))


def _check_absent(
    setting: Setting, given: dict[str, Setting], known: Accepted, owner: tuple[type, Spot]
) -> None:
    cls, spot = owner
    for name, parameter in known.parameters.items():
        if parameter.default is Parameter.empty and name not in given and not spot.replaced:
            known_type = parameter.annotation not in (Any, Parameter.empty)
            kind = f" ({words(parameter.annotation)})" if known_type else ""
            place = setting.entries.get("class_path", setting).place
            _refuse(place, spot, f"{cls.__name__} needs {name}{kind}")
