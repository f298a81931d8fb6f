"""Objects parsed from YAML values."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from jsonargparse import ArgumentParser


def parsed(kind: Any, value: Any) -> Any:
    """Make an object, or a plain value, from its YAML value.

    Args:
        kind: its type.
        value: as read from YAML.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=kind)
    return parser.instantiate(parser.parse_object({"value": deepcopy(value)})).value
