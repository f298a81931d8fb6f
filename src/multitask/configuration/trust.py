"""What may be imported for a file that nobody has vouched for."""

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
    # It adds files of its own and sends nothing; others send, or write over what is there.
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
ANOTHER = "the weights of another file are asked for"
"""What is refused to a stranger's file."""
IS_STRANGERS: ContextVar[bool] = ContextVar("IS_STRANGERS", default=False)
"""Whether what is being made is described by a file that nobody has vouched for."""
TENSORS_ONLY, ANYTHING = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
"""Environment variables at which ``torch.load`` never runs what a file holds, and always."""

# What the parser denies anyway, such as `os`, it denies instead of warning.
set_parsing_settings(import_path_denylist=[], instantiate_subclass_spec_in_any=False)


def is_known(path: str) -> bool:
    """Whether a module or class is in one of the `KNOWN` packages."""
    return any(path == each or path.startswith(f"{each}.") for each in KNOWN)


def names_others(configuration: str) -> bool:
    """Whether a configuration, as a run keeps it, is refused unless a person trusts it.

    It names classes of other than `KNOWN` packages, or trusts a checkpoint that may do so.

    Args:
        configuration: the file's text.
    """
    named = re.findall(r"class_path: *[\"']?([\w.]+)", configuration)
    return (
        not all(map(is_known, named)) or re.search(r"\btrust: *true\b", configuration) is not None
    )


@contextmanager
def known_imports_only(also: Iterable[str] = ()) -> Iterator[None]:
    """Have the parser import nothing but `KNOWN` packages, and torch load nothing but tensors.

    Everything that is read from a file is checked before; this holds if the check missed a place.

    Args:
        also: import paths that the person has given.
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
    """Refuse what a file says that nobody has vouched for.

    Args:
        what: it says, to begin the sentence with, such as ``trust is true``.

    Raises:
        InputError: inside `known_imports_only`.
    """
    if IS_STRANGERS.get():
        raise InputError(
            f"{what} in a file that nobody has vouched for; say that you trust it, with --trust or "
            "trust=True in Python, or change the file"
        )


@contextmanager
def tensors_only() -> Iterator[None]:
    """Have torch load files that hold tensors and plain values, and no others."""
    before = {name: os.environ.pop(name, None) for name in (TENSORS_ONLY, ANYTHING)}
    os.environ[TENSORS_ONLY] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
