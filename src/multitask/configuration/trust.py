"""Restrictions on what may be imported for an untrusted file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from jsonargparse import _common as jsonargparse_settings
from jsonargparse import set_parsing_settings

from multitask.errors import InputError

KNOWN = (
    "multitask",
    "lightning.pytorch.callbacks",
    "lightning.pytorch.cli.ReduceLROnPlateau",
    # The loggers here only write local files; others send data, or overwrite files.
    "lightning.pytorch.loggers.TensorBoardLogger",
    "lightning.pytorch.loggers.tensorboard",
    "lightning.pytorch.strategies",
    "timm",
    "torch.nn",
    "torch.optim",
    "torchjd",
    "torchmetrics",
    "torchvision.transforms",
)
"""Packages whose classes any configuration and any checkpoint may name."""
ANOTHER = "the weights of another file are requested"
"""What an untrusted file is not allowed to request."""
IS_STRANGERS: ContextVar[bool] = ContextVar("IS_STRANGERS", default=False)
"""Whether the object being built is described by an untrusted file."""
TENSORS_ONLY, ANYTHING = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
"""Environment variables that make ``torch.load`` never, or always, run code from a file."""

# Names that the parser denies anyway, such as `os`, raise errors instead of warnings.
set_parsing_settings(import_path_denylist=[], instantiate_subclass_spec_in_any=False)


def is_known(path: str) -> bool:
    """Return whether a module or class belongs to one of the `KNOWN` packages."""
    return any(path == each or path.startswith(f"{each}.") for each in KNOWN)


def names_others(configuration: str) -> bool:
    """Return whether a stored configuration is refused unless the user trusts it.

    It names classes outside the `KNOWN` packages, or trusts a checkpoint that may do so.

    Args:
        configuration: the text of the file.
    """
    named = re.findall(r"class_path: *[\"']?([\w.]+)", configuration)
    return (
        not all(map(is_known, named)) or re.search(r"\btrust: *true\b", configuration) is not None
    )


@contextmanager
def known_imports_only(also: Iterable[str] = ()) -> Iterator[None]:
    """Restrict the parser's imports to `KNOWN` packages, and torch's loading to tensors.

    Everything read from a file is checked before; this is a second defence if a check missed it.

    Args:
        also: import paths that the user has given.
    """
    before = dict(jsonargparse_settings.parsing_settings)
    set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=[*KNOWN, *also])
    stranger = IS_STRANGERS.set(True)
    try:
        with tensors_only():
            yield
    finally:
        IS_STRANGERS.reset(stranger)
        jsonargparse_settings.parsing_settings.update(before)


def refuse_for_stranger(what: str) -> None:
    """Refuse a setting of an untrusted file.

    Args:
        what: description of the setting to begin the sentence with, such as ``trust is true``.

    Raises:
        InputError: if called inside `known_imports_only`.
    """
    if IS_STRANGERS.get():
        raise InputError(
            f"{what} in a file that nobody has vouched for; confirm that you trust it with --trust "
            "or trust=True in Python, or change the file"
        )


@contextmanager
def tensors_only() -> Iterator[None]:
    """Make torch load only files that hold tensors and plain values."""
    before = {name: os.environ.pop(name, None) for name in (TENSORS_ONLY, ANYTHING)}
    os.environ[TENSORS_ONLY] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
