"""Models that can be served: from a checkpoint, or from a file that needs no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from multitask.after.inputs.taker import Taker
from multitask.errors import InputError

if TYPE_CHECKING:
    from multitask.after.exporting.onnx_model import OnnxModel
    from multitask.after.inputs.base import WrittenInput
    from multitask.after.trained_model import TrainedModel

IMAGE = "image"
Arrays = dict[str, np.ndarray[Any, Any]]


class ServedModel(Taker, Protocol):
    """Interface of a model that can be served."""

    @property
    def description(self) -> Mapping[str, Any]:
        """Its inputs and outputs, see `multitask.training.description.describe`."""

    def __call__(self, inputs: Arrays, /) -> Arrays:
        """Predict.

        Args:
            inputs: inputs by name, first axis ``[batch]``: see
                `multitask.after.trained_model.TrainedModel.seen`.

        Returns:
            By task, class probabilities or numbers in original units, first axis ``[batch]``.
        """


class CheckpointModel:
    """A trained model with arrays as inputs and outputs.

    Args:
        model: the model.
    """

    def __init__(self, model: TrainedModel) -> None:
        self.model = model
        self.description, self.image_format = model.description, model.image_format
        self.takes, self.written = model.takes, model.written
        self.takes_missing = model.takes_missing

    def __call__(self, inputs: Arrays) -> Arrays:
        """See `ServedModel`."""
        import torch

        found: Arrays = {}
        made = {name: torch.from_numpy(each) for name, each in inputs.items()}
        for name, prediction in self.model(made).items():
            # A user's own task may predict several values.
            several = prediction if isinstance(prediction, dict) else {"": prediction}
            for key, values in several.items():
                found[f"{name}.{key}" if key else name] = values.cpu().numpy()
        return found


class FileModel:
    """A model in an ONNX file.

    Args:
        model: the model file.
        trust: see `multitask.load`.

    Raises:
        InputError: if it has a text or column input, and a required package is not installed.
    """

    takes_missing = False
    """uint8 values cannot represent a missing image."""

    def __init__(self, model: OnnxModel, trust: bool = False) -> None:
        self.model, self.description, self.takes = model, model.description, model.inputs
        self.image_format = model.format if IMAGE in model.inputs else None
        self.written: Mapping[str, WrittenInput] = {}
        if self.takes != [IMAGE]:
            self.written = _written(model, trust)

    def __call__(self, inputs: Arrays) -> Arrays:
        """See `ServedModel`."""
        return self.model(inputs)


def _written(model: OnnxModel, trust: bool) -> Mapping[str, WrittenInput]:
    try:
        from multitask.after.inputs.told_inputs import told_inputs
    except ImportError as error:
        raise InputError(
            f"{model.path} accepts {', '.join(model.inputs)}, and making these from what people "
            f"write needs the package {error.name}, which is not installed"
        ) from error
    made = told_inputs(model.description["inputs"], str(model.path), trust)
    lacking = [name for name in model.inputs if name not in made and name != IMAGE]
    if lacking:
        raise InputError(f"{model.path} does not record what its input '{lacking[0]}' is made of")
    return {name: made[name] for name in model.inputs if name != IMAGE}


def open_model(path: Path, trust: bool = False, device: str | None = None) -> ServedModel:
    """Load a model.

    Args:
        path: a checkpoint, or an ONNX file written by ``multitask export``.
        trust: see `multitask.load`.
        device: see `multitask.load`.

    Raises:
        InputError: if it is neither, or a required package is not installed.
    """
    if path.suffix.lower() == ".onnx":
        from multitask.after.exporting.onnx_model import OnnxModel

        if device is not None:
            raise InputError(f"--device={device}: an ONNX file runs on the CPU; remove it")
        return FileModel(OnnxModel(path), trust)
    try:
        from multitask.after.loading import load
    except ImportError as error:
        raise InputError(
            f"{path} is read as a checkpoint, which needs the package {error.name}, "
            "and that is not installed; export it where PyTorch is, with multitask export, and "
            "serve the .onnx file"
        ) from error
    return CheckpointModel(load(path, trust, device, unadapted=False))
