"""A trained model from a folder in the format for the Hugging Face hub, from any source."""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning
import torch

from multitask.after.metadata import check_description, check_format, read_json
from multitask.checkpoints.format import FORMAT, KEY
from multitask.checkpoints.reading import explained
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.training.memory_limit import MemoryLimit

CONFIG, WEIGHTS, ONNX, CARD = "config.json", "model.safetensors", "model.onnx", "README.md"
HUB_FORMAT = 1
LARGEST = 64 * 2**20
"""Largest size of ``config.json`` in bytes; names of millions of classes need less."""
PARTS = ("encoder", "tasks", "sharing")
"""Entries of a recipe; all others are needed for training only."""
OF_TRAINING = ("balancer.", "training_pass.")
"""Prefixes of the names of weights that predictions do not need."""


def read_hub_folder(folder: Path, trust: bool) -> tuple[MultiTask, dict[str, Any]]:
    """Build the model of a folder; nothing is downloaded.

    Args:
        folder: folder with ``config.json`` and ``model.safetensors``.
        trust: see `multitask.after.trained_model.load`.

    Returns:
        The model, and a description of its inputs and outputs.

    Raises:
        InputError: if the folder has another format, is damaged, or names classes of unknown
            packages without ``trust``.
    """
    place = folder / CONFIG
    config = read_json(_text(place), str(place))
    check_format(config, str(place), HUB_FORMAT)
    description, recipe = config.get("description"), config.get("model")
    check_description(description, str(place))
    if not isinstance(recipe, dict) or not isinstance(recipe.get("tasks"), dict):
        raise InputError(f"{place} is damaged: it does not record how its model is built")
    if recipe["tasks"].keys() != description["tasks"].keys():  # type: ignore[index]
        raise InputError(f"{place} is damaged: it describes other tasks than its model has")
    model = built(recipe, _weights(folder / WEIGHTS), str(folder), trust)
    return model, description  # type: ignore[return-value]


def built(
    recipe: Mapping[str, Any], weights: Mapping[str, torch.Tensor], place: str, trust: bool
) -> MultiTask:
    """Build a model in the same way as from a checkpoint with this content.

    Args:
        recipe: recipe of its parts, which is not modified.
        weights: weights of the model.
        place: where they were found, for messages.
        trust: see `multitask.after.trained_model.load`.
    """
    parts = copy.deepcopy({name: each for name, each in recipe.items() if name in PARTS})
    _load_nothing_else(parts)
    content = {
        "state_dict": dict(weights),
        "hyper_parameters": {
            **parts,
            "_instantiator": "lightning.pytorch.cli.instantiate_module",
        },
        "pytorch-lightning_version": lightning.__version__,
        KEY: {"format": FORMAT, "version": "of a hub folder"},
    }
    file = io.BytesIO()
    torch.save(content, file)
    file.seek(0)
    try:
        with explained("no model can be made from it"), MemoryLimit():
            return MultiTask.load_from_checkpoint(file, map_location="cpu", trust=trust)
    except InputError as error:
        # The message calls it a checkpoint, because it is one in memory.
        raise InputError(f"{place}: {str(error).removeprefix('the checkpoint: ')}") from error


def _load_nothing_else(recipe: Any) -> None:
    """Prevent the parts of a model from loading their own weights, which would be downloaded."""
    values = recipe.values() if isinstance(recipe, dict) else recipe
    if isinstance(recipe, dict) and "pretrained" in recipe:
        recipe["pretrained"] = False
    for each in values if isinstance(recipe, dict | list) else ():
        _load_nothing_else(each)


def _text(place: Path) -> str:
    if not place.is_file():
        raise InputError(
            f"{place.parent} is a folder without {CONFIG}; give a checkpoint, or a folder that "
            "multitask export --format=hub wrote"
        )
    if place.stat().st_size > LARGEST:
        raise InputError(f"{place} is larger than {LARGEST / 2**20:.0f} MiB, which is too large")
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise InputError(f"{place} cannot be read: {reason}") from error


def _weights(place: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(place)
    except FileNotFoundError:
        raise InputError(f"{place} is missing, so {place.parent} has no weights") from None
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"{place} is damaged, or is not a safetensors file ({error})") from error
