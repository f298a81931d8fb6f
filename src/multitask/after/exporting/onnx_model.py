"""A model in an ONNX file that `multitask export` wrote, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from multitask.after.extras import require
from multitask.after.metadata import KEY, format_of, read_metadata
from multitask.errors import InputError, one_line
from multitask.images.format import ImageFormat

IMAGE = "image"
"""Name of the only input."""
OTHERS = "it is not an ONNX file that multitask export wrote"


class OnnxModel:
    """A model that predicts for decoded images, by onnxruntime on the CPU.

    Args:
        path: of the file.
        threads: that compute; default: one for each core.

    Raises:
        InputError: if there is no such file, it is not an ONNX file that `multitask export` wrote,
            it is damaged, or onnxruntime is not installed.
    """

    def __init__(self, path: Path | str, threads: int = 0) -> None:
        self.path = Path(path)
        self._session = _session(self.path, threads)
        told = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        if told is None:
            raise InputError(f"{self.path}: {OTHERS}; it tells nothing of its tasks")
        self.description: dict[str, Any] = read_metadata(told, str(self.path))
        """What it takes and gives, see `multitask.training.description.describe`."""
        self.format: ImageFormat = format_of(self.description["inputs"].get(IMAGE), str(self.path))
        """What an image becomes for the model."""
        self._check()

    def __call__(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """Predict for decoded images.

        Args:
            pixels: uint8, shape ``[batch, channels, height, width]``, see `format`.

        Returns:
            By task, class probabilities or numbers in original units, float32 (float64 if float32
            cannot tell the task's numbers apart), first axis ``[batch]``.

        Raises:
            InputError: if the pixels are of another dtype or shape.
        """
        shape = tuple(pixels.shape)
        if pixels.dtype != np.uint8 or len(shape) != 4 or shape[1:] != self.format.shape:
            wanted = ", ".join(map(str, self.format.shape))
            raise InputError(
                f"{self.path} takes uint8 of shape [batch, {wanted}], not {pixels.dtype} of shape "
                f"{list(shape)}"
            )
        outputs = self._session.run(None, {IMAGE: np.ascontiguousarray(pixels)})
        names = (each.name for each in self._session.get_outputs())
        return dict(zip(names, outputs, strict=True))

    def _check(self) -> None:
        taken = [(each.name, each.type, each.shape[1:]) for each in self._session.get_inputs()]
        if taken != [(IMAGE, "tensor(uint8)", list(self.format.shape))]:
            raise InputError(f"{self.path}: {OTHERS}; its inputs are not those that it describes")
        given = {each.name: each.shape for each in self._session.get_outputs()}
        tasks = self.description["tasks"]
        if {name.split(".")[0] for name in given} != tasks.keys():
            raise InputError(f"{self.path}: {OTHERS}; its outputs are not the tasks it describes")
        for name, shape in given.items():
            for key in ("classes", "elements"):
                # How uncertain a prediction is has no classes, nor has the axis of several boxes.
                names = tasks[name].get(key) if name in tasks else None
                if names is not None and len(shape) in (2, 4) and shape[1] != len(names):
                    raise InputError(
                        f"{self.path}: its description is damaged: the task '{name}' has "
                        f"{len(names)} {key}, and its output {shape[1]}"
                    )


def _session(path: Path, threads: int) -> Any:
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    runtime = require("onnxruntime", "export")
    options = runtime.SessionOptions()
    # It would write warnings of the graph's makers to the screen.
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    try:
        return runtime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    except Exception as error:
        # Its kinds of errors share no class of their own.
        is_model = "Could not find an implementation" in str(error)
        what = "onnxruntime cannot run it" if is_model else OTHERS
        raise InputError(f"{path}: {what} ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    return one_line(str(error)).rpartition(" : ")[2][:200]
