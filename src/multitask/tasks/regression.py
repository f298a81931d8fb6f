"""A number, or a vector of numbers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric, MetricCollection

from multitask import missing_labels
from multitask.errors import InputError, SampleError
from multitask.tasks.base import Cell, Column, HeadCallable, Task, check_losses
from multitask.tasks.calibration import told_number, told_numbers
from multitask.tasks.conformal import by_element, root_mean_square
from multitask.tasks.interval import interval_entries, interval_metrics
from multitask.tasks.naming import distinct
from multitask.tasks.pooling import NumberPool
from multitask.tasks.r2 import R2
from multitask.tasks.scatter import draw_scatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SETTINGS = {nn.MSELoss: (), nn.L1Loss: (), nn.HuberLoss: ("delta",), nn.SmoothL1Loss: ("beta",)}
"""Losses that are computed elementwise, with the attributes that they depend on."""

STATISTICS = ("mean", "deviation", "trivial")
"""Buffers that are double if the targets are, whose differences single precision may lose."""

Scale = Literal["element", "common", "none"]


class Regression(Task):
    """Predict ``size`` numbers.

    Targets have shape ``[batch]`` or ``[batch, size]``, floating, NaN where missing (single
    elements may be missing). The loss is the squared error, or that of ``loss``. The head learns
    targets standardised by the statistics of the training split, which are stored with the weights;
    predictions and metrics are in original units.

    Args:
        size: number of elements of a target.
        unit: unit of the targets, for figures.
        scale: ``element`` divides by each element's own standard deviation, ``common`` by the
            standard deviation over all elements after each element's mean is subtracted (for
            vectors with elements that hardly vary), and ``none`` leaves targets unchanged.
        loss: module that maps two tensors of one shape to a loss for each entry: a torch loss such
            as ``torch.nn.MSELoss`` (the default), ``torch.nn.L1Loss`` or ``torch.nn.HuberLoss``, or
            your own. It receives standardised values.
        head: see `Task`.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    headline = "r2"
    elements: list[str] | None = None
    """Names of the elements, if the data define them."""
    own_elements: Sequence[str] | None = None
    """Names of the elements if the task defines them; they override those of the data."""
    mean: Tensor
    deviation: Tensor
    trivial: Tensor
    spread: Tensor | None
    """Standard deviation of the errors on validation data, ``[size]``, after calibration."""
    quantile: Tensor | None
    """Quantile of their sizes: ``prediction ± quantile`` covers the share `level`, ``[size]``."""
    level: float | None = None
    criterion: Any

    def __init__(
        self,
        size: int = 1,
        unit: str = "",
        scale: Scale = "element",
        loss: nn.Module | None = None,
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(head, weight, headline, counts, teaches)
        if size < 1:
            raise InputError(f"size is {size}; a regression predicts at least 1 number")
        self.size, self.unit, self.scale = size, unit, scale
        if self.own_elements is not None:
            self.elements = list(self.own_elements)
        self.criterion = loss or nn.MSELoss()
        if hasattr(self.criterion, "reduction"):
            self.criterion.reduction = "none"
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))
        self.register_buffer("trivial", torch.zeros(size))
        # Facts of a description, not weights.
        self.register_buffer("spread", None, persistent=False)
        self.register_buffer("quantile", None, persistent=False)

    @property
    def out_features(self) -> int:
        return self.size

    def check(self, name: str, targets: Tensor, split: str) -> None:
        if not targets.is_floating_point():
            raise InputError(
                f"task '{name}': its {split} targets are {targets.dtype}; a regression needs "
                "floating-point numbers, NaN where missing: make it a Classification or change the "
                "data"
            )
        if targets[0].numel() != self.size:
            raise InputError(
                f"task '{name}': its {split} targets have {targets[0].numel()} elements, but size "
                f"is {self.size}; set size to {targets[0].numel()}"
            )
        values = self._rows(targets)
        if values.isinf().any():
            row = int(values.isinf().any(1).nonzero()[0])
            raise SampleError(
                name, row, f"task '{name}': the target of {split} sample {row} is infinite"
            )

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        super().learn_statistics(name, targets)
        if targets.dtype == torch.float64:
            self._keep_in_double()
        values = self._learnt(targets).double()
        mean = values.nanmean(0).nan_to_num()
        squares = (values - mean).square()
        self.trivial.copy_(mean)
        if self.scale != "none":
            spread = squares.nanmean(0) if self.scale == "element" else squares.nanmean()
            # A constant target is not scaled: dividing by zero would make its loss NaN.
            deviation = spread.nan_to_num().sqrt()
            self.mean.copy_(mean)
            self.deviation.copy_(torch.where(deviation > 0, deviation, 1.0))

    def _keep_in_double(self) -> None:
        for name in STATISTICS:
            setattr(self, name, getattr(self, name).double())

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *rest: Any, **options: Any
    ) -> None:
        mean = state_dict.get(f"{prefix}mean")
        if mean is not None and mean.dtype == torch.float64:
            self._keep_in_double()
        super()._load_from_state_dict(state_dict, prefix, *rest, **options)

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        losses, known = self._each(output, target)
        return losses.sum(), known.sum().to(output.dtype)

    def sample_loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        # The per-sample values of a subclass's own loss are not known.
        if type(self).loss is not Regression.loss:
            return super().sample_loss(output, target)
        losses, known = self._each(output, target)
        return losses.sum(1), known.sum(1).to(output.dtype)

    def _each(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each number, 0 if it is missing, and which are known."""
        goal, known = self._goal(target)
        losses = self._losses(output, goal.to(output.dtype))
        return torch.where(known, losses, 0.0), known

    def _goal(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised targets, 0 if they are missing, and a mask of those that are known."""
        target = self._learnt(target)
        known = missing_labels.known(target)
        # In the targets' own precision: half-precision training must not round units with a large
        # offset.
        return (torch.where(known, target, self.mean) - self.mean) / self.deviation, known

    def _losses(self, output: Tensor, goal: Tensor) -> Tensor:
        """The loss of each number; both arguments are standardised."""
        losses = self.criterion(output, goal)
        check_losses(self.criterion, losses, output.shape, "[batch, size]")
        return losses

    def loss_group(self) -> Hashable | None:
        kind = type(self.criterion)
        # It is not known what a custom loss, or a custom computation of it, depends on.
        if type(self).loss is not Regression.loss or kind not in SETTINGS:
            return None
        settings = tuple(getattr(self.criterion, name) for name in SETTINGS[kind])
        return self.size, kind, settings

    @staticmethod
    def joint_loss(
        tasks: Sequence[Regression], outputs: Sequence[Tensor], targets: Sequence[Tensor]
    ) -> Tensor:
        output = torch.stack(list(outputs))
        pairs = zip(tasks, targets, strict=True)
        target = torch.stack([task._rows(each) for task, each in pairs])
        mean = torch.stack([task.mean for task in tasks]).unsqueeze(1)
        deviation = torch.stack([task.deviation for task in tasks]).unsqueeze(1)
        known = missing_labels.known(target)
        goal = (torch.where(known, target, mean) - mean) / deviation
        losses = tasks[0].criterion(output, goal.to(output.dtype))
        each = torch.where(known, losses, 0.0)
        return torch.stack([each.sum((1, 2)), known.sum((1, 2)).to(output.dtype)])

    def distance(self, output: Tensor, kept: Tensor, temperature: float) -> Tensor | None:
        """The squared difference of standardised numbers."""
        if self.pool() is None:
            return None
        return self._distances(output, kept).flatten(1).mean(1)

    def _distances(self, output: Tensor, kept: Tensor) -> Tensor:
        """The distance of each number; first axis ``[batch]``."""
        return (output - kept).square()

    def missing_target(self, output: Tensor) -> Tensor:
        shape = len(output), self.size, *output.shape[2:]
        return torch.full(shape, torch.nan, dtype=self.mean.dtype, device=output.device)

    def predict(self, output: Tensor) -> Tensor:
        # In double precision if the targets need it.
        return output.float() * self.deviation + self.mean

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        """After calibration: standard deviation and bounds of an interval, as for `predict`."""
        if self.spread is None or self.quantile is None:
            return {}
        prediction = self.predict(output)
        return {
            "deviation": self.spread.expand_as(prediction),
            "low": prediction - self.quantile,
            "high": prediction + self.quantile,
        }

    def take_calibration(self, told: Mapping[str, Any] | None) -> None:
        self.spread = self.quantile = self.level = None
        if told is not None:
            level = told_number(told, "level", 0.0, 1.0)
            self.spread = self._told(told, "spread")
            self.quantile = self._told(told, "quantile")
            self.level = level

    def fit_calibration(
        self, output: Tensor, target: Tensor, level: float
    ) -> dict[str, Any] | None:
        target, prediction = self._rows(target), self.predict(output)
        # It is not known which targets the numbers of a subclass belong to.
        if prediction.shape != target.shape:
            return None
        known = missing_labels.known(target)
        error = target - prediction
        return {
            "spread": root_mean_square(error, known),
            "quantile": by_element(error.abs(), known, level),
            "level": level,
        }

    def _told(self, told: Mapping[str, Any], key: str, least: float = 0.0) -> Tensor:
        # In double precision if the targets are.
        found = self.deviation.new_tensor(told_numbers(told, key, self.size, least))
        if found.isinf().any():
            raise InputError(f"its calibration has a {key} that is too large for its values")
        return found

    def trivial_output(self, output: Tensor) -> Tensor:
        standardised = (self.trivial - self.mean) / self.deviation
        return standardised.to(output.dtype).expand_as(output)

    def pool(self) -> NumberPool | None:
        # The predictions of a subclass may not be standardised.
        return NumberPool(self) if type(self).predict is Regression.predict else None

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {
                "mae": MeanAbsoluteError(),
                "rmse": MeanSquaredError(squared=False),
                "r2": R2(self.size, weighted=self.scale == "common"),
                **self.interval_metrics(),
            },
            compute_groups=False,
        )

    def interval_metrics(self) -> Mapping[str, Metric]:
        """Metrics of `entries`, by name; none without a calibration."""
        found = [] if self.spread is None else ["nll", "coverage", "interval_width"]
        return interval_metrics(found, has_trivial=False)

    def entries(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Values of interval metrics for each number, see `multitask.tasks.interval`.

        Args:
            output: raw head outputs, see `loss`.
            target: targets, missing ones included.

        Returns:
            By name, shape ``[batch, size]``.
        """
        found = self.uncertainty(output)
        return interval_entries(self.predict(output), found, self._rows(target)) if found else {}

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        self.count_in(metrics, self.predict(output), target)
        for name, values in self.entries(output, target).items():
            # Metrics that were created before the calibration lack them.
            if name in metrics:
                metrics[name].update(values, missing_labels.known(self._rows(target)))

    def count_in(self, metrics: MetricCollection, prediction: Tensor, target: Tensor) -> None:
        """Update metrics with predictions, for known targets only.

        Args:
            metrics: the return value of `metrics`.
            prediction: in original units, shape ``[rows, size]``.
            target: targets, missing ones included.
        """
        target = self._rows(target)
        known = missing_labels.known(target)
        if known.any():
            # Around the training mean, so that single precision is enough for units with a large
            # offset.
            prediction, target = ((each - self.trivial).float() for each in (prediction, target))
            metrics["mae"].update(prediction[known], target[known])
            metrics["rmse"].update(prediction[known], target[known])
            metrics["r2"].update(prediction, target)

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        if self.size == 1:
            return {name: prediction[:, 0]}
        names = distinct(self.elements or list(map(str, range(self.size))))
        each = zip(names, prediction.unbind(1), strict=True)
        return {f"{name}.{element}": values for element, values in each}

    def side_by_side(self, prediction: Tensor, target: Tensor) -> dict[str, list[Cell]]:
        unit = f" ({self.unit.strip()})" if self.unit else ""
        columns = {"target": self._rows(target), "prediction": prediction}
        return {f"{name}{unit}": _cells(rows) for name, rows in columns.items()}

    def caption(self, value: Tensor) -> str:
        numbers = value.flatten().tolist()
        if len(numbers) > 1:
            return ""
        return f"{numbers[0]:.3g}{self.unit}" if numbers[0] == numbers[0] else "?"

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        draw_scatter(axes, prediction, self._rows(target), self.unit)
        return True

    def _rows(self, target: Tensor) -> Tensor:
        return target.reshape(len(target), self.size)

    def _learnt(self, target: Tensor) -> Tensor:
        """Rows of the head's targets, before they are standardised."""
        return self._rows(target)


def _cells(rows: Tensor) -> list[Cell]:
    if rows.shape[1] == 1:
        return [each if each == each else None for each in rows[:, 0].tolist()]
    return [None if row.isnan().all() else _vector(row.tolist()) for row in rows]


def _vector(numbers: list[float]) -> str:
    return ", ".join(f"{each:.4g}" if each == each else "?" for each in numbers)
