"""Plain-dictionary recipes of objects, from which a checkpoint can rebuild a model built in Python.

A recipe has the format that the command line reads: ``{"class_path": ..., "init_args": {...}}``.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any

from torch import Tensor

from multitask.configuration.number_check import check_numbers
from multitask.errors import InputError

PLAIN = (str, int, float, bool, type(None))


class Factory:
    """A callable that builds objects; copying it returns the same object.

    The command line's factories contain a parser, which cannot be copied, but models are copied,
    for example by callbacks that average weights.

    Args:
        make: the class or function.
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make: Callable[..., Any] = make.make if isinstance(make, Factory) else make

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Build an object."""
        return self.make(*args, **kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Factory:
        """Return the same object, because a factory is immutable."""
        return self


class _Arguments(dict[str, Any]):
    """The arguments that an object was built with; copies of the object share them."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _Arguments:
        return self


class Recorded:
    """A class whose instances record the arguments that they were built with.

    Numeric arguments are checked, see `multitask.configuration.number_check.NumbersChecked`.
    """

    tells_more = False
    """Whether it adds data read elsewhere to its arguments, to be rebuilt without that source."""
    _arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Record the arguments; copying and unpickling call this without any."""
        instance = super().__new__(cls)
        signature = inspect.signature(cls.__init__)
        bound = signature.bind_partial(instance, *args, **kwargs)
        arguments = dict(list(bound.arguments.items())[1:])
        for name, parameter in signature.parameters.items():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                arguments |= arguments.pop(name, {})
        check_numbers(cls, arguments)
        object.__setattr__(instance, "_arguments", _Arguments(arguments))
        return instance


def tells_more(thing: Any) -> bool:
    """Return whether a recipe contains more than the arguments that the object was built with.

    Args:
        thing: an object that `recipe` accepts; nested objects are checked too.
    """
    if isinstance(thing, Recorded):
        return thing.tells_more or tells_more(thing._arguments)
    if isinstance(thing, dict):
        return any(map(tells_more, thing.values()))
    return isinstance(thing, list | tuple) and any(map(tells_more, thing))


def recipe(thing: Any) -> Any:
    """Describe how to build an object, using types that YAML and safe checkpoints can hold.

    Args:
        thing: a plain value, an enum member, a tensor, a class, a function, a ``functools.partial``
            of a class, a `Recorded` object, an object whose attributes have the names of its
            constructor's parameters, or a list, tuple or dictionary of these.

    Raises:
        InputError: if it cannot be determined how an object was built.
    """
    if isinstance(thing, PLAIN):
        return thing
    if isinstance(thing, Tensor):
        return thing.tolist()
    if isinstance(thing, list | tuple):
        return [recipe(each) for each in thing]
    if isinstance(thing, dict):
        return {key: recipe(value) for key, value in thing.items()}
    if isinstance(thing, Enum):
        return thing.name
    if isinstance(thing, type):
        return _call(thing, {})
    if isinstance(thing, Factory):
        return recipe(thing.make)
    if isinstance(thing, partial):
        return _partial(thing)
    if inspect.isfunction(thing) and "<" not in thing.__qualname__:
        return f"{thing.__module__}.{thing.__qualname__}"
    return _call(type(thing), _arguments_of(thing))


def recipes(arguments: dict[str, Any]) -> dict[str, Any]:
    """Describe a model's arguments, and skip with a warning those that cannot be described.

    Args:
        arguments: the arguments by name.
    """
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        try:
            found[name] = recipe(value)
        except InputError as error:
            warnings.warn(f"{error}, so pass {name}=... to load_from_checkpoint", stacklevel=4)
    return found


def _call(target: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(target, type) or "<" in target.__qualname__:
        raise InputError(f"{target} is not an importable class")
    described: dict[str, Any] = {"class_path": f"{target.__module__}.{target.__qualname__}"}
    if arguments:
        described["init_args"] = {key: recipe(value) for key, value in arguments.items()}
    return described


def _partial(factory: partial[Any]) -> dict[str, Any]:
    if factory.args and isinstance(factory.args[-1], type):
        # The command line's own factories: a function and the class that it will call.
        return _call(factory.args[-1], factory.keywords)
    names = list(inspect.signature(factory.func).parameters)
    named = dict(zip(names, factory.args, strict=False))
    return _call(factory.func, {**named, **factory.keywords})


def _arguments_of(thing: Any) -> dict[str, Any]:
    if isinstance(thing, Recorded):
        return thing._arguments
    try:
        parameters = inspect.signature(type(thing)).parameters.values()
    except ValueError:
        raise InputError(f"{thing!r} does not show how it was built") from None
    # torch's losses accept two deprecated arguments that they no longer store.
    forgotten = ("size_average", "reduce") if type(thing).__module__.startswith("torch.") else ()
    names = [each.name for each in parameters if each.name not in forgotten]
    kept = {name: at for name in names for at in (f"_{name}", name) if hasattr(thing, at)}
    if len(kept) < len(names) or type(thing).__module__ == "builtins":
        raise InputError(f"{thing!r} does not show how it was built")
    return {name: getattr(thing, at) for name, at in kept.items()}
