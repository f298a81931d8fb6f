"""Digests by which a program recognises that it continues the same work."""

from __future__ import annotations

import hashlib
import os

import torch

from multitask.after.image_list import ImageList
from multitask.after.trained_model import TrainedModel

ROWS_AT_ONCE = 2048


def digest_of_model(trained: TrainedModel) -> str:
    """Digest of everything in a model that affects predictions: weights, description, transforms.

    Args:
        trained: the model.
    """
    digest = hashlib.sha256(repr((trained.description, trained.transforms)).encode())
    for name, tensor in trained.model.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def digest_of_images(images: ImageList) -> str:
    """Digest of everything in images that affects predictions: their files, order and columns.

    Args:
        images: images whose files are identified by size and time, and not read.
    """
    digest = hashlib.sha256()
    for row, path in enumerate(images.paths):
        found = images.problems.get(row, "") if path is None else _stamp(path)
        digest.update(f"{path!r} {found}\n".encode(errors="backslashreplace"))
    for batch in images.given.to_batches(max_chunksize=ROWS_AT_ONCE):
        digest.update(repr(batch.to_pydict()).encode(errors="backslashreplace"))
    return digest.hexdigest()


def _stamp(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError as error:
        return str(error.errno)
    return f"{found.st_size} {found.st_mtime_ns}"
