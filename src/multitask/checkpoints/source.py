"""Where weights come from that a model starts with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from torch import nn

OWN: ContextVar[Path | None] = ContextVar("OWN", default=None)
"""The checkpoint that a model gets all its weights from, so that it needs no other file."""
DOWNLOADS: ContextVar[bool] = ContextVar("DOWNLOADS", default=True)


@dataclass(frozen=True)
class Source:
    """A file of weights.

    Args:
        path: of the file, as it was given.
        sha256: of its bytes, in hexadecimal.
        setting: what named it, such as ``FromRun``.
        sentence: what was taken from it, as a sentence; empty if a training only continues with it.
    """

    path: str
    sha256: str
    setting: str
    sentence: str


def source_of(path: Path, setting: str, sentence: str) -> Source:
    """Describe a file of weights.

    Args:
        path: of the file.
        setting: see `Source`.
        sentence: see `Source`.
    """
    with path.open("rb") as file:
        return Source(str(path), hashlib.file_digest(file, "sha256").hexdigest(), setting, sentence)


def weight_files(model: nn.Module) -> list[Source]:
    """The files that a model's weights are from before it is trained.

    Args:
        model: a network, or a model with all its parts.
    """
    found = [getattr(each, "source", None) for each in model.modules()]
    return [each for each in dict.fromkeys(found) if isinstance(each, Source) and each.sentence]


def has_source(module: object) -> bool:
    """Whether a network, or a part of it, was given the weights of a file."""
    parts = module.modules() if isinstance(module, nn.Module) else ()
    return any(getattr(each, "source", None) is not None for each in parts)


@contextmanager
def weights_are_in(checkpoint: str | Path | None, downloads: bool = True) -> Iterator[None]:
    """Make a model that starts from nothing else, since its weights are loaded later.

    Args:
        checkpoint: that they are loaded from; None if none will be.
        downloads: whether pretrained weights may be downloaded where none will be.
    """
    path = Path(checkpoint) if checkpoint else None
    own = OWN.set(path if path is not None and path.is_file() else None)
    allowed = DOWNLOADS.set(downloads and path is None)
    try:
        yield
    finally:
        OWN.reset(own)
        DOWNLOADS.reset(allowed)
