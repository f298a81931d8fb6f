"""The sources of the weights that a model starts with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from torch import nn

OWN: ContextVar[Path | None] = ContextVar("OWN", default=None)
"""The checkpoint that provides all weights of a model, so that it needs no other file."""
DOWNLOADS: ContextVar[bool] = ContextVar("DOWNLOADS", default=True)


@dataclass(frozen=True)
class Source:
    """A file of weights.

    Args:
        path: path of the file, as given.
        sha256: SHA-256 of its bytes, in hexadecimal.
        setting: the setting that named it, such as ``FromRun``.
        sentence: what was taken from it, as a sentence; empty if training only continues with it.
    """

    path: str
    sha256: str
    setting: str
    sentence: str


def source_of(path: Path, setting: str, sentence: str) -> Source:
    """Describe a file of weights.

    Args:
        path: path of the file.
        setting: see `Source`.
        sentence: see `Source`.
    """
    with path.open("rb") as file:
        return Source(str(path), hashlib.file_digest(file, "sha256").hexdigest(), setting, sentence)


def weight_files(model: nn.Module) -> list[Source]:
    """Return the files that provide a model's weights before training.

    Args:
        model: a network, or a model with all its parts.
    """
    found = [getattr(each, "source", None) for each in model.modules()]
    return [each for each in dict.fromkeys(found) if isinstance(each, Source) and each.sentence]


def has_source(module: object) -> bool:
    """Return whether a network, or a part of it, was initialised with weights from a file."""
    parts = module.modules() if isinstance(module, nn.Module) else ()
    return any(getattr(each, "source", None) is not None for each in parts)


@contextmanager
def weights_are_in(checkpoint: str | Path | None, downloads: bool = True) -> Iterator[None]:
    """Build a model without its initial weights, since its weights are loaded later.

    Args:
        checkpoint: checkpoint that they are loaded from; None if there is none.
        downloads: whether pretrained weights may be downloaded if there is no checkpoint.
    """
    path = Path(checkpoint) if checkpoint else None
    own = OWN.set(path if path is not None and path.is_file() else None)
    allowed = DOWNLOADS.set(downloads and path is None)
    try:
        yield
    finally:
        OWN.reset(own)
        DOWNLOADS.reset(allowed)
