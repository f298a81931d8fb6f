"""Checkpoints of models with random weights, as a run writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tiny_training import tiny_model

from multitask import MultiTask
from multitask.checkpoints import stamp


def written(path: Path, model: MultiTask | None = None, **arguments: Any) -> MultiTask:
    """Write a checkpoint of a model, by default of the tiny one, with any buffers."""
    found = model or tiny_model(**arguments)
    for name, buffer in found.encoder.named_buffers():
        if buffer.is_floating_point():
            buffer.copy_(torch.rand(buffer.shape) + len(name))
    content: dict[str, Any] = {
        "state_dict": found.state_dict(),
        "hyper_parameters": dict(found.hparams),
        "pytorch-lightning_version": "2.6.6",
    }
    stamp(content, found.description)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return found
