"""Adapted networks as run folders, which work in all commands after training."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from multitask import MultiTask
from multitask.after.adapting.adaptation import Adaptation
from multitask.after.new_output import new_output
from multitask.checkpoints.atomic_writing import save_content
from multitask.checkpoints.format import TRAINING_IMAGES, stamp
from multitask.few_shot import Adapted
from multitask.pages.yaml_text import to_yaml
from multitask.runs.folder import BEST, CONFIG, PROVENANCE
from multitask.runs.provenance import provenance
from multitask.training.description import describe

OPTION = "--write"
"""The option that names the folder."""


def write_adapted(found: Adaptation, folder: Path) -> list[Path]:
    """Write the networks adapted in the first episode with the most shots.

    Args:
        found: results of the adaptation.
        folder: new folder, which must not exist; it gets a folder for each learner, with
            ``checkpoints/best.ckpt``, ``config.yaml`` and ``provenance.yaml``.

    Returns:
        The checkpoints.

    Raises:
        InputError: if the folder exists or cannot be written.
    """
    names = {name: each.name.replace(" ", "_") for name, each in found.learners.items()}
    with new_output(folder, OPTION) as part:
        for name, adapted in found.adapted.items():
            own = part / names[name]
            (own / BEST).parent.mkdir(parents=True)
            content = _checkpoint(found, adapted)
            save_content(content, own / BEST)
            config = to_yaml(_config(found, content["hyper_parameters"]))
            (own / CONFIG).write_text(config, encoding="utf-8")
            (own / PROVENANCE).write_text(to_yaml(provenance()), encoding="utf-8")
    return [folder / names[name] / BEST for name in found.adapted]


def _checkpoint(found: Adaptation, adapted: Adapted) -> dict[str, Any]:
    name = found.new.name
    model = MultiTask(adapted.encoder, {name: adapted.task}).cpu()
    model.heads[name].load_state_dict(adapted.head.state_dict())
    described = describe({name: adapted.task}, found.new.data)
    described[TRAINING_IMAGES] = _images(found)
    content: dict[str, Any] = {
        "pytorch-lightning_version": version("lightning"),
        "epoch": 0,
        "global_step": 0,
        "state_dict": model.state_dict(),
        "hparams_name": "kwargs",
        "hyper_parameters": dict(model.hparams),
    }
    stamp(content, described)
    return content


def _images(found: Adaptation) -> torch.Tensor | None:
    """Numbers of the images that the network has learned from, if all are known."""
    known = found.trained.training_images
    if known is None:
        return None
    own = found.sets.images[found.support.numpy()].view(np.int64)
    return torch.cat([known.cpu(), torch.from_numpy(own)]).unique()


def _config(found: Adaptation, described: Any) -> dict[str, Any]:
    """The settings of the data, so that the network can be tested on their test set."""
    told = found.new.settings
    # Use full class paths, since a short name could be ambiguous.
    task, data = (
        _with_path(told[key], each)
        for key, each in (("task", found.new.task), ("data", found.new.data))
    )
    return {
        "seed_everything": told["seed_everything"],
        "data": data,
        "model": {"encoder": described["encoder"], "tasks": {found.new.name: task}},
    }


def _with_path(settings: Any, made: Any) -> dict[str, Any]:
    kind = type(made)
    path = {"class_path": f"{kind.__module__}.{kind.__qualname__}"}
    return path if isinstance(settings, str) else {**settings, **path}
