"""Objects made from a configuration, with one sentence where a class refuses its settings."""

from __future__ import annotations

from typing import Any, TypeVar

from multitask.errors import InputError

Made = TypeVar("Made")


def made_as_set(kind: type[Made], *args: Any, **kwargs: Any) -> Made:
    """Make an object.

    Args:
        kind: its class, whosever it is.
        args: what its constructor takes.
        kwargs: see ``args``.

    Raises:
        InputError: if the class refuses a value, or lacks a package.
    """
    try:
        return kind(*args, **kwargs)
    except InputError:
        raise
    except (ValueError, ImportError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{kind.__name__} cannot be made as set: {reason}") from error
