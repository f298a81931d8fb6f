"""Checks settings against the signatures of the classes that will receive them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from inspect import Parameter
from typing import Any

import yaml
from lightning.pytorch import Trainer

from multitask.cli.class_check import Accepted, accepted, choose, find_class
from multitask.cli.overlay import CLASS_KEYS, overlaid
from multitask.cli.type_check import Expected, choices, expected, fits, words
from multitask.cli.yaml_source import Place, Setting
from multitask.data import DataModule
from multitask.errors import nearest
from multitask.module import MultiTask
from multitask.runs.settings import RunSettings

Keys = tuple[str, ...]
GROUPS = {"model": MultiTask, "trainer": Trainer, "run": RunSettings}
OWNERS = {"model": "the model", "trainer": "the trainer", "run": "run"}
VERBS = ("fit", "validate", "test", "predict")
PASSED_BY_PROGRAM = ("model", "datamodule", "self")


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with the settings.

    Args:
        place: where it was written.
        path: keys that lead there, ``init_args`` left out.
        what: what is wrong, and what would be right.
        absent: whether it is that something is not there, which a later source may still give.
        empty: whether it is null where that cannot be, which the parser takes from an argument.
    """

    place: Place
    path: Keys
    what: str
    absent: bool = False
    empty: bool = False

    def __str__(self) -> str:
        """The sentence for the person at the keyboard."""
        is_task = self.path[:2] == ("model", "tasks") and len(self.path) > 2
        subject = f"task '{self.path[2]}': " if is_task else ""
        return " ".join(f"{self.place.text}: {subject}{self.what}".split())


def problems(tree: Setting) -> Iterator[Problem]:
    """Go through all settings.

    Args:
        tree: what configuration files and arguments say, taken together.

    Yields:
        What is wrong, in the order of the settings.

    Raises:
        InputError: if a file that the settings name cannot be read.
    """
    known = _top_level()
    for key, setting in tree.entries.items():
        if key in GROUPS:
            yield from _group(setting, key)
        elif key in known:
            yield from _value(setting, known[key], (key,))
        else:
            suggestion = nearest(key, [*GROUPS, *known])
            yield Problem(setting.place, (key,), f"there is no setting '{key}'{suggestion}")


@cache
def _top_level() -> dict[str, Parameter]:
    known: dict[str, Parameter] = {
        "data": _parameter(DataModule),
        "seed_everything": _parameter(bool | int),
    }
    for verb in VERBS:
        for name, parameter in inspect.signature(getattr(Trainer, verb)).parameters.items():
            if name not in PASSED_BY_PROGRAM and "dataloaders" not in name:
                known[name] = parameter
    return known


def _parameter(annotation: Any) -> Parameter:
    return Parameter("value", Parameter.KEYWORD_ONLY, annotation=annotation)


def _group(setting: Setting, name: str) -> Iterator[Problem]:
    setting = overlaid(None, setting.opened()) if setting.names_file else setting
    if setting.content is None:
        text = f"{name} is empty; write its settings below it, or leave it out"
        yield Problem(setting.place, (name,), text)
    elif not isinstance(setting.content, dict):
        yield Problem(setting.place, (name,), f"{name} should be a mapping of settings")
    yield from _arguments(setting, accepted(GROUPS[name]), OWNERS[name], (name,))


def _arguments(setting: Setting, known: Accepted, owner: str, path: Keys) -> Iterator[Problem]:
    for key, value in setting.entries.items():
        if key in known.parameters:
            yield from _value(value, known.parameters[key], (*path, key))
        elif not known.open:
            suggestion = nearest(key, known.parameters)
            yield Problem(value.place, (*path, key), f"{owner} has no setting '{key}'{suggestion}")


def _value(setting: Setting, parameter: Parameter, path: Keys) -> Iterator[Problem]:
    kinds = expected(parameter.annotation)
    opens = kinds.classes or kinds.values is not None
    if setting.names_file and opens and not _fits_plain(setting, kinds):
        setting = overlaid(None, setting.opened())
    content = setting.content
    is_default = content is None and parameter.default is None
    if is_default or (isinstance(content, str) and "${" in content):
        return
    if isinstance(content, dict) and kinds.classes:
        yield from _object(setting, parameter, path)
    elif isinstance(content, dict) and kinds.values is not None:
        yield from _named_objects(setting, kinds.values, path)
    elif isinstance(content, dict) and kinds.settings is not None:
        known = accepted(kinds.settings)
        yield from _arguments(setting, known, kinds.settings.__name__, path)
        yield from _absent(setting, setting, known, (kinds.settings, path))
    elif isinstance(content, dict) and kinds.named_settings is not None:
        for name, value in setting.entries.items():
            yield from _value(value, _parameter(kinds.named_settings), (*path, name))
    elif isinstance(content, list) and kinds.items is not None:
        for item in content:
            yield from _value(item, _parameter(kinds.items), path)
    elif not fits(parameter.annotation, setting.plain()):
        yield from _misfit(setting, parameter, path)


def _named_objects(setting: Setting, annotation: Any, path: Keys) -> Iterator[Problem]:
    unknown = {
        name
        for name, each in setting.entries.items()
        if each.place.is_argument and each.entries and "class_path" not in each.entries
    }
    for name, value in setting.entries.items():
        if name in unknown:
            noun = "task" if path == ("model", "tasks") else path[-1]
            suggestion = nearest(name, setting.entries.keys() - unknown)
            yield Problem(value.place, path, f"there is no {noun} '{name}'{suggestion}")
        else:
            yield from _value(value, _parameter(annotation), (*path, name))


def _fits_plain(setting: Setting, kinds: Expected) -> bool:
    return any(fits(each, setting.plain()) for each in kinds.plain)


def _misfit(setting: Setting, parameter: Parameter, path: Keys) -> Iterator[Problem]:
    kinds = expected(parameter.annotation)
    if isinstance(setting.content, str) and kinds.classes:
        named = Setting(setting.place, {"class_path": setting})
        found = list(_object(named, parameter, path))
        # A word that is near no class was hardly meant as one where other types fit too.
        if not kinds.plain[:-1] or any("did you mean" in each.what for each in found):
            yield from found
            return
    given = setting.plain()
    if given is None:
        what = f"{path[-1]} is empty; it should be {words(parameter.annotation)}"
    else:
        listed = choices(parameter.annotation)
        suggestion = nearest(str(given), listed)
        near = suggestion if "mean" in suggestion else _colon_advice(setting.place)
        near = _truth_advice(given, listed) or near
        what = f"{path[-1]} should be {words(parameter.annotation)}, not {given!r:.80}{near}"
    yield Problem(setting.place, path, what, empty=given is None)


def _object(setting: Setting, parameter: Parameter, path: Keys) -> Iterator[Problem]:
    kinds = expected(parameter.annotation)
    named = setting.entries.get("class_path")
    default = None if parameter.default is Parameter.empty else parameter.default
    if named is None and not isinstance(default, type):
        yield _without_class(setting, kinds, path)
        return
    if named is not None and not isinstance(named.content, str):
        yield Problem(named.place, path, f"class_path should name a class{choose(kinds.classes)}")
        return
    found = find_class(named.content, kinds.classes) if named else default
    if isinstance(found, str):
        yield Problem(named.place if named else setting.place, path, found)
    elif found is not None:
        yield from _described(setting, found, kinds.filled, path)


def _without_class(setting: Setting, kinds: Expected, path: Keys) -> Problem:
    place = next(iter(setting.entries.values()), setting).place
    if near := get_close_matches("class_path", setting.entries, n=1, cutoff=0.7):
        where = setting.entries[near[0]].place
        return Problem(where, path, f"there is no '{near[0]}'; did you mean 'class_path'?")
    advice = _colon_advice(place) or choose(kinds.classes)
    return Problem(place, path, f"{path[-1]} has no class_path{advice}")


def _truth_advice(given: Any, choices: list[str]) -> str:
    if not isinstance(given, bool):
        return ""
    meant = [choice for choice in choices if yaml.safe_load(choice) is given]
    return f"; write '{meant[0]}' in quotes, as YAML takes it for {given} without" if meant else ""


def _colon_advice(place: Place) -> str:
    # As in {class_path:Name}, which YAML takes for a text.
    is_tight = place.is_argument and re.search(r"=.*\{.*\w:\S", place.text)
    return "; in braces a space follows each colon" if is_tight else ""


def _described(setting: Setting, cls: type, filled: int, path: Keys) -> Iterator[Problem]:
    known = accepted(cls, filled)
    given = setting.entries.get("init_args", Setting(setting.place, {}))
    beside = {key: each for key, each in setting.entries.items() if key not in CLASS_KEYS}
    if "class_path" in setting.entries:
        for key, value in beside.items():
            yield Problem(value.place, path, _beside(key, known))
    else:
        given = Setting(given.place, {**beside, **given.entries})
    if given.content is None:
        what = "init_args is empty; remove it, or write its settings under it"
        yield Problem(given.place, path, what)
    yield from _arguments(given, known, cls.__name__, path)
    yield from _absent(setting, given, known, (cls, path))


def _beside(key: str, known: Accepted) -> str:
    if key in known.parameters:
        return f"'{key}' belongs under init_args, not beside class_path"
    return f"'{key}' cannot stand beside class_path{nearest(key, CLASS_KEYS)}"


def _absent(
    setting: Setting, given: Setting, known: Accepted, owner: tuple[type, Keys]
) -> Iterator[Problem]:
    cls, path = owner
    named = setting.entries.get("class_path", setting)
    for name, parameter in known.parameters.items():
        if parameter.default is Parameter.empty and name not in given.entries:
            known_type = parameter.annotation not in (Any, Parameter.empty)
            kind = f" ({words(parameter.annotation)})" if known_type else ""
            what = f"{cls.__name__} needs {name}{kind}"
            yield Problem(named.place, path, what, absent=True)
