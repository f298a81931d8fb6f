"""The classes that a ``class_path`` can name, and the parameters that they accept."""

from __future__ import annotations

import inspect
import pkgutil
import re
import sys
from functools import lru_cache
from importlib import import_module
from inspect import Parameter
from traceback import extract_tb
from typing import Any

from jsonargparse import ArgumentParser

from multitask.configuration.trust import is_known
from multitask.errors import nearest
from multitask.pages.words import listed

WITH_MODULE = "; write its module too, as in 'package.module.Name'"
INHERITING = "; name a class that inherits from it, as in 'package.module.Name'"
OWN = re.compile(r"multitask\.(?!training\.)")
"""Modules whose classes may be named in a configuration; the training's classes are internal."""
MOST_LISTED = 24
"""Most names in a sentence; torch has 15 optimizers and about as many schedulers."""


@lru_cache
def accepted(cls: type, filled: int = 0) -> dict[str, Parameter] | None:
    """List the constructor's parameters that a configuration can set.

    Args:
        cls: the class.
        filled: number of leading parameters that the program fills in.

    Returns:
        The parameters by name, or None if only the parser can determine them.
    """
    # The parser traces **options through the code; what it finds there has no type here.
    untyped = Parameter("value", Parameter.KEYWORD_ONLY, default=None)
    try:
        keys = ArgumentParser().add_class_arguments(
            cls, "class", fail_untyped=False, sub_configs=True, skip={filled} if filled else None
        )
    except Exception:
        return None
    declared: dict[str, Parameter] = {}
    for base in reversed(cls.__mro__[:-1]):
        declared |= _parameters(base)
    return {name: declared.get(name, untyped) for name in (key.split(".")[1] for key in keys)}


def find_class(name: str, bases: tuple[type, ...], untrusted: str = "") -> type | str | None:
    """Find the class that a ``class_path`` names, without calling it.

    Args:
        name: full import path, or only the name of a loaded subclass.
        bases: the class should be a subclass of one of them.
        untrusted: see `multitask.configuration.settings.Setting`.

    Returns:
        The class, None if several have that name, or a sentence that explains the error.
    """
    if untrusted and "." in name and not is_known(name):
        return f"{name} is imported only if you trust {untrusted}"
    found = _import(name) if "." in name else _by_short_name(name, bases)
    if found is None or isinstance(found, str):
        return found
    if not isinstance(found, type):
        kind = "a function" if callable(found) else "not a class"
        return f"{name} is {kind}; a class_path here names {_wanted(bases)}"
    if not issubclass(found, bases):
        return f"{found.__name__} is not {_wanted(bases)}"
    if untrusted and not is_known(defined := f"{found.__module__}.{found.__qualname__}"):
        return f"{name} is {defined}, which is used only if you trust {untrusted}"
    if _is_base(found):
        return f"{found.__name__} is a base class, which cannot be used itself{those_of(bases)}"
    return found


def paths_of(name: str) -> set[str]:
    """Return a path and, if its module is imported, the path in the module that defines it."""
    module, _, attribute = name.rpartition(".")
    found = getattr(sys.modules.get(module), attribute, None)
    if not isinstance(found, type):
        return set()
    return {name, f"{found.__module__}.{found.__qualname__}"}


def choose(bases: tuple[type, ...], name: str = "") -> str:
    """Suggest the nearest of the available classes, or list them, or only ours, if they are few."""
    found = [each for each in _family(bases) if not _is_base(each)]
    own = [each.__name__ for each in found if OWN.match(each.__module__)]
    return nearest(name, {each.__name__ for each in found}) or nearest(name, own)


def _wanted(bases: tuple[type, ...]) -> str:
    article = "an" if bases[0].__name__[0] in "AEIOU" else "a"
    return f"{article} {_either(bases)}{those_of(bases)}"


def those_of(bases: tuple[type, ...]) -> str:
    """List the classes to choose from, even if there are too many for `choose`."""
    rooms = {each.__module__.rpartition(".")[0] for each in bases}
    found = [each for each in _family(bases) if not _is_base(each)]
    beside = {each.__name__ for each in found if each.__module__.rpartition(".")[0] in rooms}
    listed = ", ".join(f"'{each}'" for each in sorted(beside))
    if chosen := choose(bases):
        return chosen
    return f"; choose from {listed}" if 0 < len(beside) <= MOST_LISTED else INHERITING


def _is_base(cls: type) -> bool:
    """Return whether a class leaves something to be implemented by its subclasses."""
    own = [name for name, value in vars(cls).items() if _is_unwritten(value)]
    below = [each for each in _family((cls,)) if each is not cls] if own else []
    return inspect.isabstract(cls) or any(name in vars(each) for name in own for each in below)


def _is_unwritten(method: Any) -> bool:
    # As in `def step(self): raise NotImplementedError`, and in the forward of torch.nn.Module.
    names = getattr(getattr(method, "__code__", None), "co_names", ())
    return names == ("NotImplementedError",) or "_forward_unimpl" in str(method)


def _by_short_name(name: str, bases: tuple[type, ...]) -> type | str | None:
    found = [each for each in _family(bases) if each.__name__ == name]
    if not found:
        advice = choose(bases, name) or WITH_MODULE
        return f"there is no {_either(bases)} called '{name}'{advice}"
    return found[0] if len(found) == 1 else None


def _import(name: str) -> Any:
    parts = name.split(".")
    if not all(parts):
        advice = nearest(meant := ".".join(filter(None, parts)), [meant]) if any(parts) else ""
        return f"'{name}' has an empty name next to a dot{advice or WITH_MODULE}"
    module, _, attribute = name.rpartition(".")
    try:
        owner: Any = import_module(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            return f"the module '{module}' cannot be imported: {error}"
        # It may be a class nested in another one.
        parent, _, last = module.rpartition(".")
        owner = getattr(sys.modules.get(parent), last, None)
        if owner is None:
            return f"there is no module '{module}'{_near_module(str(error.name))}"
    except Exception as error:
        where = extract_tb(error.__traceback__)[-1]
        return (
            f"the module '{module}' cannot be imported: {type(error).__name__}: {error} "
            f"({where.filename}, line {where.lineno})"
        )
    if not hasattr(owner, attribute):
        names = {each for each, value in vars(owner).items() if isinstance(value, type)}
        return f"there is no '{attribute}' in {module}{nearest(attribute, names)}"
    return getattr(owner, attribute)


def _near_module(missing: str) -> str:
    parent, dot, last = missing.rpartition(".")
    paths = getattr(import_module(parent), "__path__", []) if parent else None
    found = [each.name for each in pkgutil.iter_modules(paths)]
    suggestion = nearest(last, [name for name in found if not name.startswith("_")])
    return suggestion.replace("mean '", f"mean '{parent}{dot}") if "mean" in suggestion else ""


def _parameters(cls: type) -> dict[str, Parameter]:
    constructor: Any = vars(cls).get("__init__")
    try:
        return dict(inspect.signature(constructor, eval_str=True).parameters)
    except NameError:
        # A type that cannot be evaluated here cannot be checked.
        found = inspect.signature(constructor).parameters
        return {name: each.replace(annotation=Any) for name, each in found.items()}
    except (TypeError, ValueError):
        return {}


def _family(bases: tuple[type, ...]) -> set[type]:
    below = {each for base in bases for each in _family(tuple(base.__subclasses__()))}
    return {each for each in {*bases, *below} if not each.__name__.startswith("_")}


def _either(bases: tuple[type, ...]) -> str:
    return listed(dict.fromkeys(base.__name__ for base in bases), len(bases), "or")
