"""Comparison of an exported file's predictions with those of its model, by running it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from multitask.after.exporting.export_graph import flattened
from multitask.after.exporting.file_inputs import FileInput
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError
from multitask.missing_labels import joined_rows
from multitask.tasks import Angle, Classification, Count, Task

BATCHES = (1, 3, 16)
"""Batch sizes that are compared."""
TOLERANCE = 1e-4
"""Largest allowed difference, relative to each task's `spread`."""
ROUNDING = 4 * torch.finfo(torch.float32).eps
"""Largest allowed difference relative to a value, given the limits of single precision."""
REPEATS = 8
"""Number of predictions for one batch to detect whether a model is random."""
Run = Callable[..., Mapping[str, Tensor]]
"""Function from the values of each input, in order, to predictions by output."""


class Check:
    """A model's predictions for some samples, to compare exported files with.

    Args:
        trained: the model, on the CPU.
        inputs: inputs of the file, in the model's order.

    Raises:
        InputError: if the predictions are random or not finite, or the model is not on the CPU.
    """

    def __init__(self, trained: TrainedModel, inputs: Sequence[FileInput]) -> None:
        if trained.device.type != "cpu":
            raise InputError(
                f"{trained.source} is on {trained.device}; load it with device='cpu' to export it"
            )
        self.trained, self.inputs = trained, inputs
        self.samples = [[each.samples(size) for each in inputs] for size in BATCHES]
        self._refuse_random()
        self.expected = [self.run(trained, *each) for each in self.samples]
        tasks = trained.model.named_tasks
        self.spreads: dict[str, Tensor] = {}
        for name in self.expected[0]:
            values = joined_rows([each[name].double() for each in self.expected])
            if not values.isfinite().any():
                raise InputError(
                    f"{trained.source} cannot be exported: its task '{name}' predicts numbers "
                    "that are not finite; export a checkpoint from before it diverged"
                )
            self.spreads[name] = spread(tasks[name.split(".")[0]], values)

    @torch.inference_mode()
    def run(self, trained: TrainedModel, *values: Tensor) -> dict[str, Tensor]:
        """Compute predictions in the same way as a file.

        Args:
            trained: a model with the same inputs.
            values: values of each input of the file.
        """
        pairs = zip(self.inputs, values, strict=True)
        seen = [each.seen(one, trained.transforms, trained.precision) for each, one in pairs]
        return flattened(trained.model.predict(*seen))

    def double(self) -> frozenset[str]:
        """The outputs whose values single precision cannot distinguish."""
        return frozenset(
            name
            for each in self.expected
            for name, value in each.items()
            if value.dtype == torch.float64
            and ((value - value.float()).abs() > TOLERANCE / 10 * self.spreads[name]).any()
        )

    def largest_difference(self, opened: Callable[[Path], Run], path: Path) -> float:
        """Run an exported file, and compare it with the model.

        Args:
            opened: makes a predictor from the file.
            path: path of the file.

        Returns:
            The largest difference of an output, relative to the spread of its task.

        Raises:
            InputError: if it cannot be run, or a difference is larger than allowed.
        """
        largest = 0.0
        run = None
        for values, expected in zip(self.samples, self.expected, strict=True):
            try:
                run = run or opened(path)
                found = run(*values)
            except Exception as error:
                raise self._refusal(f"fails ({self._reason(error, path)})") from error
            for name, right in expected.items():
                if name not in found or found[name].shape != right.shape:
                    raise self._refusal(f"has no output '{name}' of shape {list(right.shape)}")
                largest = max(largest, self._difference(name, found[name], right))
        return largest

    def _difference(self, name: str, found: Tensor, right: Tensor) -> float:
        found, right = found.double(), right.double()
        difference = torch.where(_same(found, right), 0.0, (found - right).abs())
        allowed = TOLERANCE * self.spreads[name] + ROUNDING * right.abs()
        largest = float((difference / self.spreads[name]).nan_to_num(torch.inf).max())
        if not (difference <= allowed).all():
            raise self._refusal(
                f"differs from the model for {len(right)} {self._called}: task '{name}' by "
                f"{largest:.2g} of its spread, but at most {TOLERANCE:g} is allowed"
            )
        return largest

    @property
    def _called(self) -> str:
        return "images" if self.trained.model.inputs == ("image",) else "samples"

    def _refusal(self, what: str) -> InputError:
        return InputError(
            f"{self.trained.source} cannot be exported: the file, run to check it, {what}"
        )

    def _reason(self, error: Exception, path: Path) -> str:
        lines = str(error).replace(f"{path}: ", "").strip().splitlines()
        return lines[0][:300] if lines else type(error).__name__

    def _refuse_random(self) -> None:
        found = list(self._repeated())
        for name, first in found[0].items():
            if not all(_same(each[name].double(), first.double()).all() for each in found[1:]):
                names = ", ".join(type(each).__name__ for each in self.trained.transforms)
                which = f" Its transforms are {names}." if names else ""
                raise InputError(
                    f"{self.trained.source} cannot be exported: its task '{name}' predicts "
                    f"something else each time for one {self._called[:-1]}, so part of it is "
                    f"random.{which}"
                )

    def _repeated(self) -> Iterator[dict[str, Tensor]]:
        with torch.random.fork_rng(devices=[]):
            for seed in range(REPEATS):
                torch.manual_seed(seed)
                yield self.run(self.trained, *self.samples[0])


def spread(task: Task, values: Tensor) -> Tensor:
    """The scale of a task's predictions.

    Args:
        task: the task.
        values: predictions, first axis ``[samples]``.

    Returns:
        1 for probabilities; the standard deviation of the training targets for standardised
        numbers, their mean for counts, a quarter of the period for angles; otherwise the standard
        deviation of the predictions. It broadcasts with them.
    """
    if task.class_names is not None or isinstance(task, Classification):
        return torch.ones(())
    if isinstance(task, Angle):
        return torch.tensor(task.period / 4)
    deviation = task.base if isinstance(task, Count) else getattr(task, "deviation", None)
    is_scaled = isinstance(task, Count) or getattr(task, "scale", "none") != "none"
    is_scaled = is_scaled and values.ndim > 1
    if isinstance(deviation, Tensor) and is_scaled and values.shape[1] == len(deviation):
        return deviation.double().reshape(1, -1, *[1] * (values.ndim - 2))
    found = values[values.isfinite()].std(correction=0)
    return found if found > 0 else torch.ones(())


def _joined(values: Sequence[Tensor]) -> Tensor:
    """Join batches into one tensor; flattened if they differ in more than their first axis."""
    if len({each.shape[1:] for each in values}) > 1:
        return torch.cat([each.flatten() for each in values])
    return torch.cat(list(values))


def _same(found: Tensor, right: Tensor) -> Tensor:
    return (found == right) | (found.isnan() & right.isnan())
