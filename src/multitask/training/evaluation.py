"""All tasks' metrics over one split."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from copy import deepcopy
from itertools import compress
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

from multitask.tasks import Task
from multitask.tasks.output import Output, count_numbers, each_tensor, joined
from multitask.training.mean_losses import MeanLosses
from multitask.training.score import check_headlines, contribution, counting, known_trivial

ENOUGH = 2**16
"""Minimum number of elements in buffered outputs for updating the metrics."""
WITHOUT_LABELS = r".*compute.*before.*update.*"


class Evaluation(nn.Module):
    """Collects every task's losses and metrics batch by batch.

    The trivial predictor of a task (majority class, mean) is evaluated too: for the score, and on
    the test split with all of its metrics. Small batches are joined before metrics are updated,
    since every update takes time.

    Args:
        split: ``train``, ``val`` or ``test``, or the name of a part of one.
        tasks: the tasks by name.
    """

    def __init__(self, split: str, tasks: Mapping[str, Task]) -> None:
        super().__init__()
        self.split = split
        # In a list, because the tasks are children of the model, not of this module.
        self._tasks = list(tasks.items())
        self.losses = MeanLosses(len(tasks))
        self.metrics = nn.ModuleDict({name: task.metrics() for name, task in tasks.items()})
        self.headlines = {
            name: each
            for name, each in counting(tasks).items()
            if each in _collection(self.metrics, name)
        }
        self.trivial = nn.ModuleDict(
            {
                name: self._trivial_metrics(name, task)
                for name, task in tasks.items()
                if self._measures_trivial(name, task)
            }
        )
        self.contributions: dict[str, Tensor] = {}
        """Contribution of each task to the last score: from 0, the trivial predictor, to 1."""
        self._undefined: set[str] = set()
        self._waiting: list[tuple[dict[str, Output], dict[str, Tensor]]] = []
        self._numbers = 0

    def _measures_trivial(self, name: str, task: Task) -> bool:
        if type(task).trivial_output is Task.trivial_output:
            return False
        counts = name in self.headlines and known_trivial(self._headline(name)) is None
        return self.split == "test" or counts

    def _trivial_metrics(self, name: str, task: Task) -> MetricCollection:
        # A task that updates metrics itself may do so by their names.
        if self.split != "test" and type(task).update_metrics is Task.update_metrics:
            # Much faster than to create all of them again.
            return MetricCollection({self.headlines[name]: deepcopy(self._headline(name))})
        metrics = task.metrics()
        each = metrics.items(keep_base=True)
        lacking = [name for name, metric in each if not getattr(metric, "has_trivial", True)]
        for name in lacking:
            del metrics[name]
        return metrics

    @property
    def device(self) -> torch.device:
        """The device of the metrics."""
        return self.losses.device

    @property
    def _names(self) -> list[str]:
        return [name for name, _ in self._tasks]

    @torch.no_grad()
    def update(
        self, outputs: Mapping[str, Output], batch: Mapping[str, Tensor], totals: Tensor
    ) -> None:
        """Update with a batch.

        Args:
            outputs: raw head outputs by task, see `multitask.tasks.Task.loss`.
            batch: the batch, with the targets under the names of the tasks.
            totals: sums of the losses and of their weights, shape ``[2, tasks]``.
        """
        self.losses.update(totals)
        self._numbers += sum(count_numbers(outputs[name]) for name in self._names)
        # Cloned if it is buffered, because a compiled model may write its next outputs into the
        # same memory.
        keep = Tensor.detach if self._numbers >= ENOUGH else _copied
        kept = {name: each_tensor(outputs[name], keep) for name in self._names}
        self._waiting.append((kept, {name: batch[name] for name in self._names}))
        if self._numbers >= ENOUGH:
            self._count_in()

    def compute(self) -> dict[str, Tensor]:
        """Compute over all processes and reset.

        Returns:
            ``<split>/<task>/<metric>``, and ``<split>/score``: the mean, over the tasks that count,
            of the position of each headline metric between the trivial predictor (0) and a perfect
            one (1), see `multitask.training.score.contribution`. A task without a label in the
            split is excluded from both; a task whose headline is not defined by its labels (NaN) is
            excluded from the score.
        """
        self._count_in()
        losses, counts = _reduced(self.losses)
        labelled = list(compress(self._names, counts > 0))
        values = self._computed(self.metrics, self.split, labelled)
        if self.split != "train":
            # Training losses are logged every few steps instead.
            named = zip(self._names, losses, strict=True)
            values |= {
                f"{self.split}/{name}/loss": loss for name, loss in named if name in labelled
            }
        if self.split == "test":
            values |= self._computed(self.trivial, "trivial", labelled)
        score = self._score(values, losses)
        self._reset()
        return {**values, f"{self.split}/score": score}

    def directions(self, task: str) -> list[tuple[str, bool | None]]:
        """Names of a task's metrics, and whether higher is better; None if neither direction is."""
        metrics = _collection(self.metrics, task)
        return [
            (f"{self.split}/{task}/{name}", metric.higher_is_better)
            for name, metric in metrics.items()
        ]

    def _count_in(self) -> None:
        if not self._waiting:
            return
        for name, task in self._tasks:
            output = joined([outputs[name] for outputs, _ in self._waiting])
            target = joined([targets[name] for _, targets in self._waiting])
            assert isinstance(target, Tensor)
            task.update_metrics(_collection(self.metrics, name), output, target)
            if name in self.trivial:
                trivial = task.trivial_output(output)
                assert trivial is not None
                task.update_metrics(_collection(self.trivial, name), trivial, target)
        self._waiting, self._numbers = [], 0

    def _computed(
        self, metrics: nn.ModuleDict, prefix: str, labelled: Sequence[str]
    ) -> dict[str, Tensor]:
        return {
            f"{prefix}/{task}/{metric}": value
            for task in metrics
            for metric, value in _reduced(_collection(metrics, task)).items()
            if task in labelled
        }

    def _score(self, values: Mapping[str, Tensor], losses: Tensor) -> Tensor:
        found: dict[str, Tensor] = {}
        for (name, _), loss in zip(self._tasks, losses, strict=True):
            headline = self.headlines.get(name)
            value = values.get(f"{self.split}/{name}/{headline}")
            if headline is None or value is None:
                continue
            # If the loss is NaN or infinite too, the outputs are to blame, not the labels: a model
            # with a broken task must not score better than an intact one.
            if value.isnan() and loss.isfinite():
                self._warn_undefined(name, headline)
            else:
                higher = bool(self._headline(name).higher_is_better)
                found[name] = contribution(value, self._trivial_value(name), higher)
        self.contributions = found
        return torch.stack(list(found.values())).mean() if found else losses.new_tensor(math.nan)

    def _headline(self, name: str) -> Metric:
        return _collection(self.metrics, name)[self.headlines[name]]

    def _trivial_value(self, name: str) -> float | None:
        known = known_trivial(self._headline(name))
        if known is not None or name not in self.trivial:
            return known
        value = float(_reduced(_collection(self.trivial, name)[self.headlines[name]]))
        return value if math.isfinite(value) else None

    def _warn_undefined(self, name: str, metric: str) -> None:
        if name not in self._undefined:
            self._undefined.add(name)
            rank_zero_warn(
                f"task '{name}': {metric} is undefined for the known {self.split} labels (too few "
                f"or all the same), so {self.split}/score ignores it"
            )

    def _reset(self) -> None:
        # A tensor of inference mode could not be updated outside of it, as by another Trainer.
        with torch.inference_mode(False):
            self.losses.reset()
            for name, _ in self._tasks:
                _collection(self.metrics, name).reset()
                if name in self.trivial:
                    _collection(self.trivial, name).reset()


class Evaluations(nn.ModuleDict):
    """The evaluations of the three splits.

    Those of ``train`` and ``test`` are created when they are first used: a model that is loaded to
    predict needs neither, and to create metrics takes longer than to create the heads.

    Args:
        tasks: the tasks by name.
    """

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        super().__init__()
        # In a list, because the tasks are children of the model, not of this module.
        self._tasks = list(tasks.items())
        found = self.of("val").metrics
        check_headlines(tasks, {name: _collection(found, name) for name in tasks})

    def of(self, split: str) -> Evaluation:
        """The evaluation of ``train``, ``val`` or ``test``, on the model's device."""
        # torch.nn.Module has an attribute `train`.
        name = f"{split}_split"
        if name not in self:
            with torch.inference_mode(False):
                created = Evaluation(split, dict(self._tasks))
                self[name] = created if split == "val" else created.to(self.of("val").device)
        return self[name]  # type: ignore[return-value]

    def directions(self) -> list[tuple[str, bool | None]]:
        """Names of all validation and test metrics, and whether higher is better, if either is."""
        found: list[tuple[str, bool | None]] = []
        for task, _ in self._tasks:
            found += [(f"val/{task}/loss", False), *self.of("val").directions(task)]
        return found + [(f"test/{name.removeprefix('val/')}", higher) for name, higher in found]


def _reduced(metrics: Metric | MetricCollection) -> Any:
    with warnings.catch_warnings():
        # Every process must join the reduction, even if it has no label of a task.
        warnings.filterwarnings("ignore", message=WITHOUT_LABELS)
        return metrics.compute()


def _copied(values: Tensor) -> Tensor:
    return values.detach().clone()


def _collection(metrics: nn.ModuleDict, name: str) -> MetricCollection:
    return metrics[name]  # type: ignore[return-value]
