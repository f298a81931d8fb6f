"""A check that numeric constructor arguments are numbers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from multitask.errors import InputError

WHOLE, ANY = "a whole number", "a number"


class NumbersChecked:
    """A class that refuses ``every="5"`` or ``every=1.5`` if its constructor declares ``int``.

    A configuration's values are checked by type before anything is built from them. Values from
    Python would otherwise fail later, at the first line that uses them, or be misinterpreted.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Check the arguments; copying and unpickling call this without any."""
        names = list(inspect.signature(cls.__init__).parameters)[1:]
        check_numbers(cls, {**dict(zip(names, args, strict=False)), **kwargs})
        return super().__new__(cls)


def check_numbers(kind: type, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that are not numbers if a constructor, or one it delegates to, expects one.

    Args:
        kind: the class to be built.
        arguments: the arguments by name.

    Raises:
        InputError: naming the class, the argument and what is expected.
    """
    wanted: dict[str, Any] = {}
    for each in reversed(kind.__mro__):
        wanted |= getattr(vars(each).get("__init__"), "__annotations__", {})
    for name, value in arguments.items():
        what = _wanted(wanted.get(name))
        if what is not None and value is not None and not _is(what, value):
            raise InputError(f"{kind.__name__}: {name} is {value!r}; give {what}")


def _wanted(annotation: Any) -> str | None:
    """Return the kind of number that an annotation means; None if it accepts other types too."""
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    kinds = set(text.split(" | ")) - {"None"}
    if kinds == {"int"}:
        return WHOLE
    return ANY if kinds and kinds <= {"int", "float"} else None


def _is(what: str, value: Any) -> bool:
    # Numbers of NumPy and torch are accepted too; true and false are not.
    if isinstance(value, bool):
        return False
    return hasattr(value, "__index__") or (what == ANY and hasattr(value, "__float__"))
