"""Models that can be served: from a checkpoint, or from a file that needs no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from multitask.errors import InputError
from multitask.images.format import ImageFormat

if TYPE_CHECKING:
    from multitask.after.trained_model import TrainedModel

Arrays = dict[str, np.ndarray[Any, Any]]


class ServedModel(Protocol):
    """What a server needs of a model."""

    @property
    def description(self) -> Mapping[str, Any]:
        """What it takes and gives, see `multitask.training.description.describe`."""

    @property
    def format(self) -> ImageFormat:
        """What an image becomes for it."""

    def __call__(self, pixels: np.ndarray[Any, Any], /) -> Arrays:
        """Predict.

        Args:
            pixels: uint8, shape ``[batch, channels, height, width]``.

        Returns:
            By task, class probabilities or numbers in original units, first axis ``[batch]``.
        """


class CheckpointModel:
    """A trained model that takes and gives arrays.

    Args:
        model: the model.
    """

    def __init__(self, model: TrainedModel) -> None:
        self.model = model
        self.description, self.format = model.description, model.format

    def __call__(self, pixels: np.ndarray[Any, Any]) -> Arrays:
        """See `ServedModel`."""
        import torch

        found: Arrays = {}
        for name, prediction in self.model(torch.from_numpy(pixels)).items():
            # A task of one's own may predict several things.
            several = prediction if isinstance(prediction, dict) else {"": prediction}
            for key, values in several.items():
                found[f"{name}.{key}" if key else name] = values.cpu().numpy()
        return found


def open_model(path: Path, trust: bool = False, device: str | None = None) -> ServedModel:
    """Read a model.

    Args:
        path: a checkpoint, or an ONNX file that ``multitask export`` has written.
        trust: see `multitask.load`.
        device: see `multitask.load`.

    Raises:
        InputError: if it is neither, or what it needs is not installed.
    """
    if path.suffix.lower() == ".onnx":
        from multitask.after.exporting.onnx_model import OnnxModel

        if device is not None:
            raise InputError(
                f"--device={device}: an ONNX file is computed on the CPU; leave it out"
            )
        return OnnxModel(path)
    try:
        from multitask.after.loading import load
    except ImportError as error:
        raise InputError(
            f"{path} is taken for a checkpoint, and for one the package {error.name} is needed, "
            "which is not installed; export it where PyTorch is, by multitask export, and serve "
            "the .onnx file"
        ) from error
    return CheckpointModel(load(path, trust, device, unadapted=False))
