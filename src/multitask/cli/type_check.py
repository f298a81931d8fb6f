"""What values a type takes, in the parser's eyes and in plain words."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from enum import Enum
from functools import lru_cache
from inspect import Parameter
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import torch
from jsonargparse import ArgumentParser

WORDS: dict[Any, tuple[str, str]] = {
    float: ("a number", "numbers"),
    int: ("a whole number", "whole numbers"),
    str: ("text", "texts"),
    dict: ("a mapping", "mappings"),
    Path: ("a path", "paths"),
    timedelta: ("a duration", "durations"),
    torch.Tensor: ("a list of numbers", "lists of numbers"),
    type(None): ("null", "null"),
}
PLAIN_MODULES = ("builtins", "collections.abc", "inspect", "typing")
NOT_BY_CLASS_PATH = (Enum, Path, timedelta, torch.Tensor, torch.dtype, torch.device)


@dataclass(frozen=True)
class Expected:
    """What may stand where a parameter's value is written.

    Args:
        annotation: the parameter's type.
        classes: classes of which an object may be described, by ``class_path``.
        filled: number of leading parameters of such an object that the program fills in.
        values: type of a mapping's values, where they are such objects.
        items: type of a list's items, where they are such objects.
        settings: a dataclass, whose settings may be written.
        named_settings: type of a mapping's values, where that is a dataclass.
        plain: the other types.
    """

    annotation: Any
    classes: tuple[type, ...] = ()
    filled: int = 0
    values: Any = None
    items: Any = None
    settings: Any = None
    named_settings: Any = None
    plain: tuple[Any, ...] = ()


@lru_cache
def expected(annotation: Any) -> Expected:
    """Take a type apart.

    Args:
        annotation: the type, ``Any`` or ``Parameter.empty`` where anything may stand.
    """
    classes: tuple[type, ...] = ()
    filled, values, items, settings, named_settings, plain = 0, None, None, None, None, []
    for member in _members(annotation):
        origin, inner = get_origin(member), get_args(member)
        if is_dataclass(member):
            settings = member
        elif origin is dict and is_dataclass(inner[-1]):
            named_settings = inner[-1]
        elif not _has_classes(member):
            plain.append(member)
        elif origin is None:
            classes += (member,)
        elif origin is Callable:
            classes += tuple(each for each in _members(inner[-1]) if _is_described(each))
            filled = len(inner[0]) if isinstance(inner[0], list) else 0
        elif issubclass(origin, Mapping):
            values = inner[-1]
        else:
            items = inner[0]
    return Expected(
        annotation, classes, filled, values, items, settings, named_settings, tuple(plain)
    )


def fits(annotation: Any, value: Any) -> bool:
    """Ask the parser whether it takes a value for a type.

    Args:
        annotation: the type; anything fits one that the parser does not know.
        value: from YAML, or the text of an argument.
    """
    if annotation in (Any, Parameter.empty):
        return True
    if value is None and type(None) not in _members(annotation):
        return False
    parser = ArgumentParser(exit_on_error=False)
    try:
        parser.add_argument("--value", type=annotation)
    except Exception:
        return True
    try:
        parser.parse_object({"value": value})
    except Exception:
        return False
    return True


def words(annotation: Any) -> str:
    """Say what a type takes, such as ``a whole number or null``."""
    members = _members(annotation)
    if float in members:
        members = [each for each in members if each not in (torch.Tensor, int)]
    members.sort(key=lambda each: (each is type(None), each is bool))
    # A choice may be listed both as a number and as text.
    said = list({text.strip("'"): text for each in members for text in _said(each)}.values())
    return f"{', '.join(said[:-1])} or {said[-1]}" if len(said) > 1 else said[0]


def choices(annotation: Any) -> list[str]:
    """The texts that a type lists, if it lists any."""
    literals = [each for each in _members(annotation) if get_origin(each) is Literal]
    return [str(choice) for each in literals for choice in get_args(each)]


def _said(member: Any) -> list[str]:
    if get_origin(member) is Literal:
        return [repr(choice) for choice in get_args(member)]
    if member is bool:
        return ["true", "false"]
    if get_origin(member) is Callable or isinstance(member, str):
        return ["a class_path"]
    if (items := _item_type(member)) is not None:
        return [f"a list of {_plural(items)}"]
    kind = get_origin(member) or member
    if is_dataclass(kind):
        return [f"a mapping with {', '.join(each.name for each in fields(kind))}"]
    if kind in WORDS:
        return [WORDS[kind][0]]
    name = getattr(kind, "__name__", str(kind))
    return [f"an {name}" if name[0] in "AEIOU" else f"a {name}"]


def _plural(annotation: Any) -> str:
    members = [each for each in _members(annotation) if each is not torch.Tensor]
    known = {bool: "true or false"} | {kind: plural for kind, (_, plural) in WORDS.items()}
    names = [known.get(each, f"{getattr(each, '__name__', each)}s") for each in members]
    return " or ".join(names)


def _item_type(member: Any) -> Any:
    origin, inner = get_origin(member), get_args(member)
    is_list = isinstance(origin, type) and not issubclass(origin, Mapping) and bool(inner)
    return inner[0] if is_list and origin is not Callable else None


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
    # Of a function only what it returns is described.
    return any(map(_has_classes, inner[-1:] if origin is Callable else inner))


def _is_described(kind: Any) -> bool:
    if not isinstance(kind, type) or kind.__module__ in PLAIN_MODULES or is_dataclass(kind):
        return False
    return not issubclass(kind, NOT_BY_CLASS_PATH) and not getattr(kind, "_is_protocol", False)
