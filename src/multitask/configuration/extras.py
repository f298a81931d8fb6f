"""Optional packages that only one verb needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from multitask.errors import InputError


def require(package: str, extra: str) -> Any:
    """Import a package that is installed by an extra of this one.

    Args:
        package: its import name, such as ``onnx``.
        extra: the extra that installs it, such as ``export``.

    Raises:
        InputError: if it is not installed, with the command that installs it.
    """
    try:
        return import_module(package)
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] != package.partition(".")[0]:
            raise InputError(
                f"the package {package} cannot be imported, because {error.name} is missing; "
                f"install it with: pip install 'multitask[{extra}]'"
            ) from error
        raise InputError(
            f"this needs the package {package}, which is not installed; install it with: "
            f"pip install 'multitask[{extra}]'"
        ) from error
