"""A model in an ONNX file written by `multitask export`, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multitask.after.metadata import KEY, format_of, read_metadata
from multitask.configuration.extras import require
from multitask.errors import InputError, one_line
from multitask.images.format import ImageFormat

IMAGE = "image"
TEXT, COLUMNS = "text", "columns"
"""Kinds of inputs other than images."""
OTHERS = "it is not an ONNX file that multitask export wrote"
DTYPES = {"tensor(uint8)": "uint8", "tensor(int32)": "int32", "tensor(float)": "float32"}

Array = np.ndarray[Any, Any]


class OnnxModel:
    """A model that predicts from decoded images, tokens and numbers with onnxruntime on the CPU.

    Args:
        path: path of the file.
        threads: number of threads; default: one for each core.

    Raises:
        InputError: if there is no such file, it was not written by `multitask export`, it is
            damaged, or onnxruntime is not installed.
    """

    def __init__(self, path: Path | str, threads: int = 0) -> None:
        self.path = Path(path)
        self._session = _session(self.path, threads)
        told = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        if told is None:
            raise InputError(f"{self.path}: {OTHERS}; it does not describe its tasks")
        self.description: dict[str, Any] = read_metadata(told, str(self.path))
        """Its inputs and outputs, see `multitask.training.description.describe`."""
        self.inputs: list[str] = [each.name for each in self._session.get_inputs()]
        """Names of the inputs."""
        self._taken = {each.name: each for each in self._session.get_inputs()}
        self._check_inputs()
        self._check_outputs()

    @property
    def format(self) -> ImageFormat:
        """The required image format.

        Raises:
            InputError: if the model has no image input.
        """
        if IMAGE not in self.inputs:
            raise InputError(f"{self.path} accepts {', '.join(self.inputs)}, not an image")
        return format_of(self.description["inputs"].get(IMAGE), str(self.path))

    def __call__(self, values: Array | Mapping[str, Array]) -> dict[str, Array]:
        """Predict.

        Args:
            values: values by input. Images are uint8, ``[batch, channels, height, width]``, see
                `format`; texts int32, ``[batch, places]``, -1 after the end of each text; numbers
                and categories float32, ``[batch, columns]``, NaN if missing. The name may be
                omitted for a model with a single input.

        Returns:
            By task, class probabilities or numbers in original units, float32 (float64 if float32
            cannot distinguish the task's values), first axis ``[batch]``.

        Raises:
            InputError: if an input is missing, or has another dtype or shape.
        """
        given = {self.inputs[0]: values} if isinstance(values, np.ndarray) else values
        if set(given) != set(self.inputs):
            raise InputError(
                f"{self.path} needs {', '.join(self.inputs)}, but was given "
                f"{', '.join(given) or 'nothing'}; give each of them"
            )
        for name, each in given.items():
            self._check_values(name, each)
        if len({len(each) for each in given.values()}) > 1:
            sizes = ", ".join(f"{len(each)} of {name}" for name, each in given.items())
            raise InputError(f"{self.path} needs one number of samples for all inputs, not {sizes}")
        ready = {name: np.ascontiguousarray(each) for name, each in given.items()}
        outputs = self._session.run(None, ready)
        names = (each.name for each in self._session.get_outputs())
        return dict(zip(names, outputs, strict=True))

    def _check_values(self, name: str, values: Array) -> None:
        dtype, sizes = DTYPES[self._taken[name].type], self._taken[name].shape
        is_right = values.dtype == dtype and values.ndim == len(sizes)
        pairs = zip(sizes, values.shape, strict=False)
        if not is_right or any(isinstance(size, int) and size != own for size, own in pairs):
            of_input = "" if len(self.inputs) == 1 else f" of {name}"
            raise InputError(
                f"{self.path} expects {dtype} of shape [{', '.join(map(str, sizes))}]{of_input}, "
                f"not {values.dtype} of shape {list(values.shape)}"
            )

    def _check_inputs(self) -> None:
        told = self.description["inputs"]
        for name, each in self._taken.items():
            if (each.type, each.shape[1:]) not in self._described(told.get(name), each.shape[1:]):
                raise InputError(
                    f"{self.path}: {OTHERS}; its inputs are not those that it describes"
                )

    def _described(self, told: Any, sizes: list[Any]) -> list[tuple[str, list[Any]]]:
        """The dtype and shape that the file must declare for an input with this description."""
        kind = told.get("kind") if isinstance(told, dict) else None
        if kind == TEXT:
            return [("tensor(int32)", sizes[:1])]
        if kind == COLUMNS and isinstance(told.get("columns"), list):
            return [("tensor(float)", [len(told["columns"])])]
        return [("tensor(uint8)", list(format_of(told, str(self.path)).shape))]

    def _check_outputs(self) -> None:
        given = {each.name: each.shape for each in self._session.get_outputs()}
        tasks = self.description["tasks"]
        if {name.split(".")[0] for name in given} != tasks.keys():
            raise InputError(f"{self.path}: {OTHERS}; its outputs are not the tasks it describes")
        for name, shape in given.items():
            for key in ("classes", "elements"):
                # The uncertainty of a prediction has no classes, and neither has the axis of
                # several boxes.
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
    # It would print warnings meant for the authors of the graph.
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    try:
        return runtime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    except Exception as error:
        # Its exceptions have no common base class.
        is_model = "Could not find an implementation" in str(error)
        what = "onnxruntime cannot run it" if is_model else OTHERS
        raise InputError(f"{path}: {what} ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    return one_line(str(error)).rpartition(" : ")[2][:200]
