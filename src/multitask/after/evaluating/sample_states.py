"""Contributions of each sample to the metrics of a task, so that any selection has its metrics.

The states of a metric are sums over samples. Given the states of each sample, the metrics of a
resample are computed without predicting or counting again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array, hstack, vstack
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.utilities import dim_zero_sum

from multitask.after.evaluating.known_states import known_states
from multitask.tasks import Task
from multitask.tasks.output import rows_of

LOSS = "loss"
Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class State:
    """A state of a metric, as columns of a row.

    Args:
        metric: name of the metric in the task.
        name: name of the state in the metric.
        shape: shape of the state.
        columns: its position in a row.
    """

    metric: str
    name: str
    shape: tuple[int, ...]
    columns: slice


class SampleStates:
    """The states of a task's metrics, and its loss, for each sample.

    Args:
        task: the task.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.metrics: dict[str, Metric] = dict(
            task.metrics().items(keep_base=True, copy_state=False)
        )
        self.layout, self.width = _layout(self.metrics)
        self.known = torch.zeros(0, dtype=torch.bool)
        self._parts: list[csr_array] = []
        self._losses: list[Tensor] = []

    def update(self, output: Any, target: Tensor) -> None:
        """Add a batch.

        Args:
            output: raw head outputs, see `multitask.tasks.Task.loss`.
            target: targets of the batch, which may be missing.
        """
        self.known = torch.cat([self.known, self.task.known(target).cpu()])
        shown = self.task.calibrated(output)
        losses = torch.stack(self.task.sample_loss(shown, target), 1).double().cpu()
        self._losses.append(losses)
        found = known_states(self.task, self.metrics, self.layout, self.width, output, target)
        self._parts.append(self._one_by_one(output, target) if found is None else found)

    @property
    def losses(self) -> Values:
        """Each sample's mean loss, NaN without a label; shape ``[samples]``."""
        sums, weights = torch.cat(self._losses).numpy().T
        with np.errstate(invalid="ignore", divide="ignore"):
            # A class of weight 0 may still be predicted badly or well.
            means = np.where(weights > 0, sums / weights, sums)
        return np.where(self.known.numpy(), means, np.nan)

    def rows(self) -> csr_array:
        """A row for each sample with a label: its states, and the two sums of its loss."""
        losses = csr_array(torch.cat(self._losses).numpy())
        whole = hstack([vstack(self._parts), losses], format="csr")
        return whole[np.flatnonzero(self.known.numpy())]

    @property
    def resampled(self) -> list[str]:
        """Names of the metrics whose states are sums, and the loss."""
        return [*dict.fromkeys(each.metric for each in self.layout), LOSS]

    def values(self, row: Values, layout: Sequence[State] | None = None) -> dict[str, float]:
        """Compute the metrics of a sum of rows.

        Args:
            row: shape ``[width + 2]``, see `rows`.
            layout: positions of the states in it; default: as in `rows`.

        Returns:
            Metrics by name, NaN if the samples do not define them.
        """
        states = torch.from_numpy(row)
        for each in layout or self.layout:
            # Not with `setattr`, which checks a module for parameters each time.
            vars(self.metrics[each.metric])[each.name] = states[each.columns].view(each.shape)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = {LOSS: float(np.float64(row[-2]) / row[-1])}
        for name in self.resampled[:-1]:
            # Not through the instance, whose `compute` also synchronises with other processes.
            metric: Any = self.metrics[name]
            found[name] = float(type(metric).compute(metric))
        return found

    def _one_by_one(self, output: Any, target: Tensor) -> csr_array:
        metrics = self.task.metrics().to(target.device)
        found = np.zeros((len(target), self.width))
        for place, at in enumerate(torch.arange(len(target)).split(1)):
            metrics.reset()
            self.task.update_metrics(metrics, rows_of(output, at), target[at])
            for each in self.layout:
                # The metrics of a group share the states of the first.
                state = getattr(_leader(metrics, each.metric), each.name)
                found[place, each.columns] = state.double().flatten().cpu().numpy()
        return csr_array(found)


def _layout(metrics: Mapping[str, Metric]) -> tuple[list[State], int]:
    found: list[State] = []
    width = 0
    for name, metric in metrics.items():
        if not _is_of_sums(metric):
            continue
        for state, default in metric._defaults.items():
            shape = tuple(default.shape)  # type: ignore[union-attr]
            columns = slice(width, width + default.numel())  # type: ignore[union-attr]
            found.append(State(str(name), state, shape, columns))
            width = columns.stop
    return found, width


def _is_of_sums(metric: Metric) -> bool:
    return all(
        isinstance(default, Tensor)
        and metric._reductions[name] is dim_zero_sum
        and not default.any()
        for name, default in metric._defaults.items()
    )


def _leader(metrics: MetricCollection, name: str) -> Metric:
    for members in metrics.compute_groups.values():
        if name in members:
            return metrics[members[0]]
    return metrics[name]
