"""Images that a model was trained on, in this run and in those that it started from."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from multitask.checkpoints.format import KEY, TRAINING_IMAGES
from multitask.checkpoints.reading import read_checkpoint
from multitask.checkpoints.source import weight_files
from multitask.errors import InputError


def training_images(content: Mapping[str, Any]) -> Tensor | None:
    """Return the numbers by which a checkpoint recognises training images.

    Args:
        content: the checkpoint's content.

    Returns:
        Shape ``[images]``, int64; None if they are not known.
    """
    stamp = content.get(KEY)
    found = stamp.get(TRAINING_IMAGES) if isinstance(stamp, dict) else None
    if not isinstance(found, Tensor) or found.dtype != torch.int64 or found.ndim != 1:
        return None
    return found.clone()


def with_images_of_sources(own: Tensor | None, model: nn.Module) -> Tensor | None:
    """Add the images that a model's initial weights were trained on, if these are known.

    Args:
        own: numbers of the run's own training images, see `training_images`.
        model: the model, which may start with the weights of other runs.
    """
    known = [] if own is None else [own]
    for source in weight_files(model):
        # Weight files that are not checkpoints of runs do not record them.
        with suppress(InputError):
            found = training_images(read_checkpoint(Path(source.path), mmap=True))
            known += [] if found is None else [found]
    return torch.cat(known).unique() if len(known) > 1 else next(iter(known), None)
