"""Loading of a trained model from a checkpoint or from a folder for the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from multitask.after.device import usable_device
from multitask.after.made_of_recipes import made_of_recipes
from multitask.after.metadata import check_description
from multitask.after.trained_model import IMAGE, TrainedModel
from multitask.checkpoints.format import KEY, is_ensemble, is_of_episodes
from multitask.checkpoints.named_checkpoint import named_checkpoint
from multitask.checkpoints.reading import read_checkpoint
from multitask.checkpoints.training_images import training_images
from multitask.errors import InputError, settings_blamed
from multitask.module import MultiTask
from multitask.training.memory_limit import MemoryLimit


def load(
    checkpoint: Path | str,
    trust: bool = False,
    device: torch.device | str | None = None,
    transforms: Sequence[nn.Module] | None = None,
    unadapted: bool = True,
) -> TrainedModel:
    """Load a trained model with everything needed to use it.

    Args:
        checkpoint: path of the file, such as ``runs/.../checkpoints/best.ckpt``, which may be
            anywhere. It can also be a run's folder, whose best checkpoint is loaded, or a folder
            written by ``multitask export --format=hub``.
        trust: whether the checkpoint may name any class, and so run any code. If not, only classes
            of well-known packages are allowed: see docs/security.md.
        device: device of the model; default: a GPU if there is one.
        transforms: transforms to use instead of those in the checkpoint.
        unadapted: whether to load a model that was trained on episodes and must be adapted to a
            task before it can predict.
            it can answer, is read as well.

    InputError: if the file is not a checkpoint, does not describe the model's inputs, or names a
        class of another package without ``trust``; or if the device is not available.
    """
    path, place = named_checkpoint(Path(checkpoint)), usable_device(device)
    read = _of_folder if path.is_dir() else _of_file
    model, description, training_images = read(path, trust, unadapted)
    if transforms is None:
        transforms = _transforms(description, path, trust)
    found = TrainedModel(model, description, transforms, place, path, training_images, trust)
    _try(found)
    return found


def _try(trained: TrainedModel) -> None:
    """Reject a description of inputs that the transforms or the model do not accept."""
    told = trained.description["inputs"]
    if not all(told.get(name) for name in trained.model.inputs):
        # The inputs cannot be made; accessing them raises an error.
        return
    what = "images" if list(trained.model.inputs) == [IMAGE] else "inputs"
    said = f"{trained.source}: its model does not accept the {what} that it describes"
    with MemoryLimit(), settings_blamed(said):
        examples = trained.examples()
        with torch.inference_mode():
            seen = trained.seen(examples)
        if not all(each.isfinite().all() for each in seen):
            raise InputError(
                f"{trained.source}: its transforms turn an image into numbers that are not finite"
            )
        trained(examples)


Read = tuple[MultiTask, Mapping[str, Any], Tensor | None]
"""A model, its inputs and outputs, and the numbers of its training images."""


def _of_folder(path: Path, trust: bool, unadapted: bool) -> Read:
    from multitask.after.hub.hub_reading import read_hub_folder

    return (*read_hub_folder(path, trust), None)


def _of_file(path: Path, trust: bool, unadapted: bool) -> Read:
    try:
        # Not into memory, which would hold a model's weights twice, or all of an ensemble's at
        # once.
        content = read_checkpoint(path, mmap=True)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if not unadapted and is_of_episodes(content):
        raise InputError(
            f"{path} was trained on episodes, and must adapt to labels before it can predict; "
            f"multitask adapt {path} --config=FILE --write=FOLDER writes networks that have"
        )
    description = _description(content, path, trust)
    if is_ensemble(content):
        from multitask.after.ensemble.ensemble_file import read_ensemble

        return read_ensemble(content, path, trust), description, training_images(content)
    try:
        with MemoryLimit():
            model = MultiTask.load_from_checkpoint(path, map_location="cpu", trust=trust)
    except InputError as error:
        is_named = str(path) in str(error)
        raise InputError(str(error) if is_named else f"{path}: {error}") from error
    return model, description, training_images(content)


def _description(content: Mapping[str, Any], path: Path, trust: bool) -> Mapping[str, Any]:
    from multitask.after.older_checkpoints import description_beside

    stamp = content.get(KEY)
    found = stamp.get("description") if isinstance(stamp, dict) else None
    if found is None:
        return description_beside(path, content, trust)
    check_description(found, str(path))
    return found


class _Transforms:
    def __init__(self, transforms: Sequence[nn.Module] = ()) -> None:
        self.transforms = transforms


def _transforms(description: Mapping[str, Any], path: Path, trust: bool) -> Sequence[nn.Module]:
    recipes = description.get("transforms")
    if recipes is None:
        raise InputError(
            f"{path} does not record how its images were transformed, because the transforms are "
            "an object that does not show how it was made; pass transforms=... to multitask.load"
        )
    if not recipes:
        return ()
    given = {"transforms": recipes}
    return made_of_recipes(_Transforms, given, str(path), "its transforms", trust).transforms
