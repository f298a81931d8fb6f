"""Checks of settings against the signatures that accept them, before anything is built."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from inspect import Parameter
from typing import Any, NoReturn

import yaml

from multitask.configuration.classes import accepted, find_class, those_of
from multitask.configuration.settings import Setting
from multitask.configuration.tree import CLASS_KEYS, NO_VALUE, laid_over
from multitask.configuration.types import (
    Kinds,
    choices,
    fits,
    kinds_of,
    may_name_function,
    words,
)
from multitask.errors import InputError, nearest

Keys = tuple[str, ...]
"""Keys that lead to a setting, without ``init_args``."""
Entries = Mapping[str, Setting]
OTHER_NUMBER = re.compile(r"[-+]?\.?[0-9][0-9a-fA-FoxX_:.,eE]*")
"""Octal, binary, hexadecimal or sexagesimal numbers, or numbers with separators."""
Known = Mapping[str, Parameter] | None
"""Accepted parameters by name, or None if only the parser can determine them."""


class AbsentError(InputError):
    """Something that is required or named does not exist."""


def refuse(
    setting: Setting, keys: Keys, what: str, kind: type[InputError] = InputError
) -> NoReturn:
    """Raise an error with the setting's place and a description of the problem.

    Args:
        setting: the setting.
        keys: the keys that lead to it.
        what: description of the problem.
        kind: type of the error.
    """
    is_task = keys[:2] == ("model", "tasks") and len(keys) > 2
    subject = f"task '{keys[2]}': " if is_task else ""
    raise kind(" ".join(f"{setting.place}: {subject}{what}".split()))


def parameter_of(annotation: Any) -> Parameter:
    """Build a parameter with the given type."""
    return Parameter("value", Parameter.KEYWORD_ONLY, annotation=annotation)


def check_entries(entries: Entries, known: Known, owner: str, keys: Keys) -> None:
    """Check a mapping of settings.

    Args:
        entries: the settings by name.
        known: the accepted parameters, see `multitask.configuration.classes.accepted`.
        owner: owner of the settings, for the error message.
        keys: the keys that lead to the mapping.

    Raises:
        InputError: naming the setting and what is expected.
    """
    for key, value in entries.items():
        if known is not None and key in known:
            check_setting(value, known[key], (*keys, key))
        elif known is not None:
            suggestion = nearest(key, known)
            refuse(value, (*keys, key), f"{owner} has no setting '{key}'{suggestion}")


def check_setting(setting: Setting, parameter: Parameter, keys: Keys) -> None:
    """Check a setting against a parameter; classes are imported, but nothing is called.

    Args:
        setting: the setting.
        parameter: the parameter that accepts it.
        keys: the keys that lead to it.

    Raises:
        InputError: naming the setting and what is expected.
    """
    if setting.replaced is not None:
        # What a replaced setting lacks no longer matters.
        with suppress(AbsentError):
            check_setting(setting.replaced, parameter, keys)
    kinds = kinds_of(parameter.annotation)
    opens = setting.names_file and (kinds.classes or kinds.values is not None)
    if opens and not any(fits(each, setting.content) for each in kinds.plain):
        setting = laid_over(None, setting.opened())
    content, flag = setting.content, setting.place
    if content == NO_VALUE:
        value = "true" if fits(parameter.annotation, "true") else "..."
        raise InputError(f"{flag} has no value; write {flag}={value}")
    if content is None and parameter.default is None:
        return
    if isinstance(content, str):
        _check_text(setting, parameter, keys)
    elif isinstance(content, dict) and kinds.classes:
        _check_object(setting, parameter, keys)
    elif isinstance(content, dict) and kinds.values is not None:
        _check_named(content, kinds.values, keys)
    elif isinstance(content, dict) and kinds.settings is not None:
        known = accepted(kinds.settings)
        check_entries(content, known, kinds.settings.__name__, keys)
        _refuse_absent(setting, content, kinds.settings, known, keys)
    elif isinstance(content, list) and kinds.items is not None:
        for item in content:
            check_setting(item, parameter_of(kinds.items), keys)
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
            refuse(value, keys, f"there is no {noun} '{name}'{suggestion}")
        check_setting(value, parameter_of(annotation), (*keys, name))


def _check_text(setting: Setting, parameter: Parameter, keys: Keys) -> None:
    kinds = kinds_of(parameter.annotation)
    if setting.untrusted and may_name_function(parameter.annotation):
        what = f"{keys[-1]} names a function, which is called only if you trust {setting.untrusted}"
        refuse(setting, keys, what)
    # Where a class is accepted, the parser would import anything that the text names.
    taken = kinds.plain if kinds.classes else (parameter.annotation,)
    if any(fits(each, setting.content) for each in taken):
        return
    if not kinds.classes:
        _refuse_value(setting, parameter, keys)
    try:
        _check_object(Setting(setting.place, {"class_path": setting}), parameter, keys)
    except InputError as error:
        # A word unlike any class was probably not meant as one if other types are accepted too.
        is_class = isinstance(error, AbsentError) or "did you mean" in str(error)
        if not kinds.plain[:-1] or "." in setting.content or is_class:
            raise
        _refuse_value(setting, parameter, keys)


def _refuse_value(setting: Setting, parameter: Parameter, keys: Keys) -> NoReturn:
    name, said = keys[-1], words(parameter.annotation)
    given = setting.plain()
    if given is None:
        refuse(setting, keys, f"{name} is empty; it should be {said}")
    listed = choices(parameter.annotation)
    near = nearest(str(given), listed)
    near = near if "mean" in near else _colon_advice(setting)
    near = near or _number_advice(parameter.annotation, given)
    meant = [each for each in listed if isinstance(given, bool) and yaml.safe_load(each) is given]
    if meant:
        near = f"; write '{meant[0]}' in quotes, otherwise YAML reads it as {given}"
    refuse(setting, keys, f"{name} should be {said}, not {given!r:.80}{near}")


def _number_advice(annotation: Any, given: Any) -> str:
    with suppress(TypeError, ValueError, OverflowError):
        if type(given) is not bool and fits(annotation, whole := int(float(given))):
            return f"; write {whole}" if whole == float(given) else ""
    is_other = isinstance(given, str) and OTHER_NUMBER.fullmatch(given)
    return "; write it in decimal digits" if is_other and fits(annotation, 1) else ""


def _colon_advice(setting: Setting) -> str:
    # As in {class_path:Name}, which YAML reads as text.
    is_tight = setting.is_argument and re.search(r"=.*\{.*\w:\S", setting.place)
    return "; put a space after each colon in braces" if is_tight else ""


def _check_object(setting: Setting, parameter: Parameter, keys: Keys) -> None:
    kinds = kinds_of(parameter.annotation)
    named = setting.entries.get("class_path")
    default = None if parameter.default is Parameter.empty else parameter.default
    if named is None and not isinstance(default, type):
        _refuse_without_class(setting, kinds, keys)
    if named is not None and not isinstance(named.content, str):
        refuse(named, keys, f"class_path should name a class{those_of(kinds.classes)}")
    found = find_class(named.content, kinds.classes, named.untrusted) if named else default
    if isinstance(found, str):
        refuse(named or setting, keys, found)
    elif found is not None:
        _check_described(setting, found, kinds.filled, keys)


def _refuse_without_class(setting: Setting, kinds: Kinds, keys: Keys) -> NoReturn:
    if near := get_close_matches("class_path", setting.entries, n=1, cutoff=0.7):
        what = f"there is no '{near[0]}'; did you mean 'class_path'?"
        refuse(setting.entries[near[0]], keys, what)
    first = next(iter(setting.entries.values()), setting)
    advice = _colon_advice(first) or those_of(kinds.classes)
    refuse(first, keys, f"{keys[-1]} has no class_path{advice}")


def _check_described(setting: Setting, cls: type, filled: int, keys: Keys) -> None:
    known = accepted(cls, filled)
    given = setting.entries.get("init_args", Setting(setting.place, {}))
    beside = {key: each for key, each in setting.entries.items() if key not in CLASS_KEYS}
    for key, value in beside.items() if "class_path" in setting.entries else ():
        what = f"'{key}' cannot be used beside class_path{nearest(key, CLASS_KEYS)}"
        if key in (known or ()):
            what = f"'{key}' belongs under init_args, not beside class_path"
        refuse(value, keys, what)
    if given.content is None:
        what = "init_args is empty; remove it, or write its settings under it"
        refuse(given, keys, what)
    entries = {**beside, **given.entries}
    check_entries(entries, known, cls.__name__, keys)
    before = setting.replaced.entries.get("init_args") if setting.replaced else None
    _refuse_absent(setting, {**entries, **(before or given).entries}, cls, known, keys)


def _refuse_absent(setting: Setting, given: Entries, cls: type, known: Known, keys: Keys) -> None:
    for name, parameter in (known or {}).items():
        if parameter.default is Parameter.empty and name not in given:
            known_type = parameter.annotation not in (Any, Parameter.empty)
            kind = f" ({words(parameter.annotation)})" if known_type else ""
            named = setting.entries.get("class_path", setting)
            refuse(named, keys, f"{cls.__name__} needs {name}{kind}", AbsentError)
