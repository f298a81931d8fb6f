"""Reading named weights from any torch or safetensors file, without running its code."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from multitask.checkpoints.integrity import damage
from multitask.checkpoints.named_checkpoint import named_checkpoint, near_path
from multitask.checkpoints.reading import explained
from multitask.errors import InputError
from multitask.pages.words import listed

WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "network", "weights")
"""Keys under which training programs store the weights beside other content."""
WRAPPED = ("module.", "_orig_mod.")
"""Prefixes that DDP and ``torch.compile`` add to all names."""
SAFE = ".safetensors"
DEEPEST = 3


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights in a file, on the CPU.

    Args:
        path: path of a safetensors file, if it ends in ``.safetensors``, or otherwise of a torch
            file, which may hold the weights alone or, like a checkpoint, other content as well. For
            a run's folder, its best checkpoint is read.

    Returns:
        The weights by name, without the prefixes of DDP and ``torch.compile``.

    Raises:
        InputError: if there is no such file, it is damaged, it holds no named weights, or it holds
            more than tensors and plain values.
    """
    path = named_checkpoint(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(f"the file {what}{near_path(path) if not path.exists() else ''}")
    weights = _named(_content(path))
    while (
        found := next((each for each in WRAPPED if _all_begin(weights, each)), None)
    ) is not None:
        weights = {name.removeprefix(found): each for name, each in weights.items()}
    return weights


def _content(path: Path) -> Any:
    with explained("it cannot be read as a file of weights"):
        if path.suffix == SAFE:
            from safetensors.torch import load_file

            return load_file(path)
        # Files written by old versions of torch are not archives.
        if zipfile.is_zipfile(path) and (reason := damage(path)) is not None:
            raise InputError(f"the file is damaged: {reason}")
        return torch.load(path, map_location="cpu", weights_only=True)


def _named(content: Any) -> dict[str, Tensor]:
    inner = content
    for _ in range(DEEPEST):
        found = _tensors(inner)
        if found or not isinstance(inner, Mapping):
            break
        inner = next((inner[key] for key in WRAPPERS if isinstance(inner.get(key), Mapping)), None)
    if not found:
        keys = [f"'{key}'" for key in content] if isinstance(content, Mapping) else []
        holds = (
            f"its keys are {listed(keys, 8)}" if keys else f"it contains a {type(content).__name__}"
        )
        raise InputError(f"it has no named weights: {holds}; give a state_dict")
    return found


def _tensors(content: Any) -> dict[str, Tensor]:
    entries = content.items() if isinstance(content, Mapping) else ()
    # Wrapped weights may be accompanied by a tensor or two, such as a seed.
    if any(isinstance(content.get(key), Mapping) for key in WRAPPERS if entries):
        return {}
    return {str(name): each for name, each in entries if isinstance(each, Tensor)}


def _all_begin(weights: Mapping[str, Tensor], beginning: str) -> bool:
    return all(name.startswith(beginning) for name in weights)
