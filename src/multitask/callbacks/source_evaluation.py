"""Metrics of all tasks for each source of the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from multitask.data.joined import SOURCE
from multitask.module import MultiTask
from multitask.tasks.output import rows_of
from multitask.training.epoch_log import log_reduced
from multitask.training.evaluation import Evaluation

Batch = dict[str, Tensor]
MARK = "@"
"""Prefix of a source's name; no task's name begins with it."""


class SourceEvaluation(Callback):
    """Log the metrics of a validation or test again, for the samples of each source alone.

    The names are ``<split>/@<source>/<task>/<metric>`` and ``<split>/@<source>/score``. A source
    without a label in the split has no metrics.

    Args:
        sources: names of the data's sources, in order.
    """

    def __init__(self, sources: Sequence[str]) -> None:
        self.sources = list(sources)
        self._evaluations: list[Evaluation] = []

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reset the metrics."""
        self._start("val", pl_module)

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reset the metrics."""
        self._start("test", pl_module)

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Add a batch to the metrics."""
        self._count_in(pl_module, outputs, batch)

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Add a batch to the metrics."""
        self._count_in(pl_module, outputs, batch)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the validation metrics."""
        self._log(trainer, pl_module)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the test metrics."""
        self._log(trainer, pl_module)

    def _start(self, split: str, module: LightningModule) -> None:
        assert isinstance(module, MultiTask)
        names = [f"{split}/{MARK}{source}" for source in self.sources]
        tasks = module.named_tasks
        self._evaluations = [Evaluation(name, tasks).to(module.device) for name in names]

    def _count_in(self, module: LightningModule, outputs: Batch, batch: Batch) -> None:
        assert isinstance(module, MultiTask)
        for place, evaluation in enumerate(self._evaluations):
            rows = (batch[SOURCE] == place).nonzero().flatten()
            if len(rows):
                own = {name: batch[name][rows] for name in outputs}
                found = {name: rows_of(output, rows) for name, output in outputs.items()}
                evaluation.update(found, own, module.task_losses(found, own))

    def _log(self, trainer: Trainer, module: LightningModule) -> None:
        # Every process must join for each source, even one that saw no sample of it.
        values = [evaluation.compute() for evaluation in self._evaluations]
        if not trainer.sanity_checking:
            for each in values:
                # The score of no tasks is NaN.
                if len(each) > 1:
                    log_reduced(module, each)


def of_source(metric: str, source: str) -> str:
    """The name of a metric for a single source.

    Args:
        metric: its name over all samples, such as ``val/digit/accuracy``.
        source: the source's name.
    """
    split, rest = metric.split("/", 1)
    return f"{split}/{MARK}{source}/{rest}"


def sources_of(metrics: Iterable[str]) -> list[str]:
    """The sources that the metrics cover.

    Args:
        metrics: names of metrics, both of all samples and of single sources.
    """
    parts = [part for name in metrics for part in name.split("/")[1:2]]
    return list(dict.fromkeys(each.removeprefix(MARK) for each in parts if each.startswith(MARK)))
