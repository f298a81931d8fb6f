"""What a setting is if nobody gives it."""

from __future__ import annotations

import inspect
from typing import Any


def default_of(kind: type, name: str) -> Any:
    """The default of a class's argument.

    Args:
        kind: the class.
        name: of the argument, of the class's constructor or of one that it hands it on to.

    Returns:
        `inspect.Parameter.empty` if the argument is unknown, or has to be given.
    """
    for each in kind.__mro__:
        init = vars(each).get("__init__")
        if init is not None and name in (known := inspect.signature(init).parameters):
            return known[name].default
    return inspect.Parameter.empty
