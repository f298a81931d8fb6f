"""The classes that a ``class_path`` can name, and what they accept."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

# Imported so that its classes are found by their short names.
import multitask.heads  # noqa: F401
from multitask.errors import nearest

__all__ = ["Accepted", "accepted", "choose", "find_class"]


@dataclass(frozen=True)
class Accepted:
    """What a class accepts.

    Args:
        parameters: by name.
        open: whether it takes any other name as well.
    """

    parameters: dict[str, inspect.Parameter]
    open: bool


@lru_cache
def accepted(cls: type, filled: int = 0) -> Accepted:
    """List a constructor's parameters; ``**options`` stand for those of the next base class.

    Args:
        cls: the class.
        filled: number of leading parameters that the program fills in.
    """
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__[:-1]:
        if "__init__" not in vars(base):
            continue
        parameters = _signature(base)
        kinds = {each.kind for each in parameters}
        if inspect.Parameter.VAR_POSITIONAL in kinds:
            # Which of the base's parameters that passes on, only the parser can tell.
            return Accepted({}, open=True)
        for each in parameters:
            if each.kind is not each.VAR_KEYWORD:
                found.setdefault(each.name, each)
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            return Accepted(dict(list(found.items())[filled:]), open=False)
    return Accepted(dict(list(found.items())[filled:]), open=bool(found))


def find_class(name: str, bases: tuple[type, ...]) -> type | str | None:
    """Find the class that a ``class_path`` names.

    Args:
        name: full path, or the name alone of a loaded subclass.
        bases: it should be a subclass of one of them.

    Returns:
        The class, None where only the parser can tell, or a sentence that says what is wrong.
    """
    found = _import(name) if "." in name else _by_short_name(name, bases)
    if not isinstance(found, type):
        return found
    if not issubclass(found, bases) and "__call__" not in vars(found):
        return f"{found.__name__} is no {_either(bases)}{choose(bases)}"
    if inspect.isabstract(found):
        return f"{found.__name__} is abstract, so it cannot be used itself{choose(bases)}"
    return found


def choose(bases: tuple[type, ...], name: str = "") -> str:
    """Suggest the nearest of the classes that can be named, or list them if they are few."""
    names = {each.__name__ for each in _subclasses(bases) if not inspect.isabstract(each)}
    return nearest(name, names)


def _by_short_name(name: str, bases: tuple[type, ...]) -> type | str | None:
    found = [each for each in _subclasses(bases) if each.__name__ == name]
    if not found:
        advice = choose(bases, name) or "; write its module too, as in 'package.module.Name'"
        return f"there is no {_either(bases)} called '{name}'{advice}"
    return found[0] if len(found) == 1 else None


def _import(name: str) -> type | str | None:
    module, _, attribute = name.rpartition(".")
    try:
        owner: Any = import_module(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            return f"the module '{module}' cannot be imported: {error}"
        parent, _, last = module.rpartition(".")
        owner = _attribute(parent, last) if parent else None
        if owner is None:
            return f"there is no module '{module}'{_near_module(str(error.name))}"
    except Exception as error:
        return f"the module '{module}' cannot be imported: {type(error).__name__}: {error}"
    if not hasattr(owner, attribute):
        names = {each for each, value in vars(owner).items() if isinstance(value, type)}
        return f"there is no '{attribute}' in {module}{nearest(attribute, names)}"
    found = getattr(owner, attribute)
    return found if isinstance(found, type) else None


def _attribute(module: str, name: str) -> Any:
    try:
        return getattr(import_module(module), name, None)
    except ImportError:
        return None


def _near_module(missing: str) -> str:
    parent, _, last = missing.rpartition(".")
    paths = getattr(import_module(parent), "__path__", []) if parent else None
    prefix = f"{parent}." if parent else ""
    public = [each.name for each in pkgutil.iter_modules(paths) if not each.name.startswith("_")]
    suggestion = nearest(last, public)
    return suggestion.replace("mean '", f"mean '{prefix}") if "mean" in suggestion else ""


def _signature(cls: type) -> list[inspect.Parameter]:
    for evaluated in (True, False):
        try:
            parameters = inspect.signature(vars(cls)["__init__"], eval_str=evaluated).parameters
        except (NameError, TypeError, ValueError):
            continue
        found = list(parameters.values())[1:]
        # A type that cannot be evaluated cannot be checked.
        return found if evaluated else [each.replace(annotation=Any) for each in found]
    return [inspect.Parameter("options", inspect.Parameter.VAR_KEYWORD)]


def _subclasses(bases: tuple[type, ...]) -> set[type]:
    return {each for base in bases for each in _family(base) if not each.__name__.startswith("_")}


def _family(base: type) -> Iterator[type]:
    yield base
    for each in base.__subclasses__():
        yield from _family(each)


def _either(bases: tuple[type, ...]) -> str:
    return " or ".join(dict.fromkeys(base.__name__ for base in bases))
