"""Are the numbers that a class is built with numbers?"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from multitask.errors import InputError

WHOLE, ANY = "a whole number", "a number"


class NumbersChecked:
    """A class that refuses ``every="5"`` or ``every=1.5`` where its constructor says ``int``.

    A configuration's values are checked by their types before anything is built of them; from
    Python they would come as far as the first line that they break, or be taken for another value.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Check the arguments; copying and unpickling call this without any."""
        names = list(inspect.signature(cls.__init__).parameters)[1:]
        check_numbers(cls, {**dict(zip(names, args, strict=False)), **kwargs})
        return super().__new__(cls)


def check_numbers(kind: type, arguments: Mapping[str, Any]) -> None:
    """Refuse what is not a number where a constructor, or one that it hands on to, wants one.

    Args:
        kind: the class that is built.
        arguments: by name.

    Raises:
        InputError: naming the class, the argument, and what would be right.
    """
    wanted: dict[str, Any] = {}
    for each in reversed(kind.__mro__):
        wanted |= getattr(vars(each).get("__init__"), "__annotations__", {})
    for name, value in arguments.items():
        what = _wanted(wanted.get(name))
        if what is not None and value is not None and not _is(what, value):
            raise InputError(f"{kind.__name__}: {name} is {value!r}; give {what}")


def _wanted(annotation: Any) -> str | None:
    """What kind of number an annotation means; None if it takes anything else as well."""
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    kinds = set(text.split(" | ")) - {"None"}
    if kinds == {"int"}:
        return WHOLE
    return ANY if kinds and kinds <= {"int", "float"} else None


def _is(what: str, value: Any) -> bool:
    # Those of NumPy and torch are numbers too; true and false are not.
    if isinstance(value, bool):
        return False
    return hasattr(value, "__index__") or (what == ANY and hasattr(value, "__float__"))
