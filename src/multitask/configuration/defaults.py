"""Default values of settings."""

from __future__ import annotations

import inspect
from typing import Any


def default_of(kind: type, name: str) -> Any:
    """Return the default of a class's argument.

    Args:
        kind: the class.
        name: name of an argument of the class's constructor or of one that it passes arguments to.

    Returns:
        `inspect.Parameter.empty` if the argument is unknown or required.
    """
    for each in kind.__mro__:
        init = vars(each).get("__init__")
        if init is not None and name in (known := inspect.signature(init).parameters):
            return known[name].default
    return inspect.Parameter.empty
