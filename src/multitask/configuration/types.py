"""The values that a type accepts, as judged by the parser and in plain words."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from enum import Enum
from functools import cache
from inspect import Parameter
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import torch
from jsonargparse import ArgumentParser

from multitask.pages.words import listed

WORDS: dict[Any, tuple[str, str]] = {
    float: ("a number", "numbers"),
    int: ("a whole number", "whole numbers"),
    str: ("text", "texts"),
    dict: ("a mapping", "mappings"),
    Path: ("a path", "paths"),
    timedelta: ("a duration", "durations"),
    torch.Tensor: ("a list of numbers", "lists of numbers"),
    type(None): ("null", "null"),
    bool: ("true or false", "true or false"),
}
PLAIN_MODULES = ("builtins", "collections.abc", "inspect", "typing")
NOT_BY_CLASS_PATH = (Enum, Path, timedelta, torch.Tensor, torch.dtype, torch.device)


class Kinds(NamedTuple):
    """The kinds of values that a parameter accepts."""

    classes: tuple[type, ...] = ()
    """Classes whose objects may be described by ``class_path``."""
    filled: int = 0
    """Number of leading parameters of such objects that the program fills in."""
    settings: Any = None
    """A dataclass whose fields may be set."""
    values: Any = None
    """Type of a mapping's values, if these are such objects or dataclasses."""
    items: Any = None
    """Type of a list's items, if these are such objects."""
    plain: tuple[Any, ...] = ()
    """The other types."""


@cache
def kinds_of(annotation: Any) -> Kinds:
    """Split a type into its kinds."""
    found: dict[str, Any] = {"classes": (), "plain": ()}
    for member in _members(annotation):
        origin, inner = get_origin(member), get_args(member)
        if is_dataclass(member):
            found["settings"] = member
        elif origin is dict and is_dataclass(inner[-1]):
            found["values"] = inner[-1]
        elif not _has_classes(member):
            found["plain"] += (member,)
        elif origin is None:
            found["classes"] += (member,)
        elif origin is Callable:
            found["classes"] += tuple(filter(_is_described, _members(inner[-1])))
            found["filled"] = len(inner[0]) if isinstance(inner[0], list) else 0
        elif issubclass(origin, Mapping):
            found["values"] = inner[-1]
        else:
            found["items"] = inner[0]
    return Kinds(**found)


def fits(annotation: Any, value: Any) -> bool:
    """Return whether the parser accepts a value for a type; unknown types accept anything."""
    members = _members(annotation)
    if any(each in (Any, Parameter.empty) or type(value) is each for each in members):
        return True
    if value is None:
        return type(None) in members
    if isinstance(value, list):
        # The parser copies a list for each of its items, so items are checked one at a time.
        if plain_list(annotation, value) is not None:
            return True
        lists = _list_types(annotation)
        if any(all(fits(get_args(each)[0], item) for item in value) for each in lists):
            return True
        return any(_parser_takes(each, value) for each in members if each not in lists)
    return _parser_takes(annotation, value)


@cache
def _parser_of(annotation: Any) -> ArgumentParser | None:
    parser = ArgumentParser(exit_on_error=False)
    try:
        parser.add_argument("--value", type=annotation)
    except Exception:
        return None
    return parser


def _parser_takes(annotation: Any, value: Any) -> bool:
    try:
        if (parser := _parser_of(annotation)) is not None:
            parser.parse_object({"value": value})
    except Exception:
        return False
    return True


def _list_types(annotation: Any) -> list[Any]:
    return [each for each in _members(annotation) if _is_list(each)]


def plain_list(annotation: Any, value: Any) -> list[Any] | None:
    """Convert a list of numbers or texts as the parser does; None if only the parser can."""
    found = {type(item) for item in value} if isinstance(value, list) else set()
    for kind in (get_args(each)[0] for each in _list_types(annotation)):
        if kind in (str, int, float, bool) and found == {kind}:
            return value
        if kind is float and found and found <= {int, float}:
            return [float(item) for item in value]
    return None


def plain_text(annotation: Any, value: Any) -> str | None:
    """Return a text that the parser would read as a comment, and so as null; else None."""
    is_comment = isinstance(value, str) and value.lstrip().startswith("#")
    return value if is_comment and str in _members(annotation) else None


def words(annotation: Any) -> str:
    """Describe the values that a type accepts, such as ``a whole number or null``."""
    members = _members(annotation)
    if float in members:
        members = [each for each in members if each not in (torch.Tensor, int)]
    members.sort(key=lambda each: (each is type(None), each is bool))
    # A choice may be listed both as a number and as text.
    said = list({text.strip("'"): text for each in members for text in _said(each)}.values())
    return listed(said, len(said), "or")


def choices(annotation: Any) -> list[str]:
    """Return the texts that a type lists, if any."""
    literals = [each for each in _members(annotation) if get_origin(each) is Literal]
    return [str(choice) for each in literals for choice in get_args(each)]


def may_name_function(annotation: Any) -> bool:
    """Return whether a text would be read as an import path, such as that of a function."""
    named = (Callable, type, types.ModuleType)
    plain = kinds_of(annotation).plain
    return any((get_origin(each) or each) in named for each in plain)


def _is_list(member: Any) -> bool:
    origin = get_origin(member)
    is_many = isinstance(origin, type) and issubclass(origin, Iterable) and bool(get_args(member))
    return is_many and not issubclass(origin, Mapping | tuple)


def _said(member: Any) -> list[str]:
    if get_origin(member) is Literal:
        return [repr(choice) for choice in get_args(member)]
    if member is bool:
        return ["true", "false"]
    if get_origin(member) is Callable or isinstance(member, str):
        return ["a class_path"]
    if _is_list(member) or get_origin(member) is tuple:
        kinds = [each for each in _members(get_args(member)[0]) if each is not torch.Tensor]
        named = [WORDS.get(each, ("", f"{getattr(each, '__name__', each)}s"))[1] for each in kinds]
        return [f"a list of {' or '.join(named)}"]
    kind = get_origin(member) or member
    if is_dataclass(kind):
        return [f"a mapping with {', '.join(each.name for each in fields(kind))}"]
    if kind in WORDS:
        return [WORDS[kind][0]]
    name = getattr(kind, "__name__", str(kind))
    return [f"an {name}" if name[0] in "AEIOU" else f"a {name}"]


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        return [each for member in get_args(annotation) for each in _members(member)]
    return [annotation]


def _has_classes(annotation: Any) -> bool:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is None:
        return _is_described(annotation)
    if origin in (Literal, type) or origin.__module__ not in (*PLAIN_MODULES, "types"):
        return False
    # Only the return type of a function is described.
    return any(map(_has_classes, inner[-1:] if origin is Callable else inner))


def _is_described(kind: Any) -> bool:
    if not isinstance(kind, type) or kind.__module__ in PLAIN_MODULES or is_dataclass(kind):
        return False
    return not issubclass(kind, NOT_BY_CLASS_PATH) and not getattr(kind, "_is_protocol", False)
