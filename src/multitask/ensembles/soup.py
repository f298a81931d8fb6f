"""The average of runs' weights (Wortsman et al., 2022, arXiv 2203.05482) as a single model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from multitask.callbacks import SourceEvaluation
from multitask.data import DataModule
from multitask.ensembles.soup_members import Member
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.training.batch_statistics import BATCHES, batch_norms, renew_statistics
from multitask.training.first_batches import first_batches

KEPT = ("tasks.", "balancer.")
"""Parts whose average would be meaningless; that of the first run is kept."""


@dataclass(frozen=True)
class Soup:
    """A soup and its evaluation.

    Args:
        members: runs whose weights are averaged.
        scores: ``val/score`` of each given run; empty without a validation set.
        metrics: metrics of the average on the validation and test sets, by name.
        trainer: the Trainer that evaluated it.
    """

    members: list[Member]
    scores: list[float]
    metrics: dict[str, Tensor]
    trainer: Trainer

    @property
    def score(self) -> float | None:
        """The average's ``val/score``."""
        found = self.metrics.get("val/score")
        return None if found is None else float(found)


class _NewStatistics(Callback):
    """Recompute batch normalisation statistics, for weights that no run was trained with."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.is_due = False
        states = [each.state for each in members]
        first = {name: each for name, each in states[0].items() if name.endswith(".running_mean")}
        # If it is equal in all runs, it was frozen and is not an average.
        self._changed = {
            name.removesuffix(".running_mean")
            for name, mean in first.items()
            if any(not torch.equal(mean, other[name]) for other in states[1:])
        }

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._renew(trainer, pl_module)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._renew(trainer, pl_module)

    def _renew(self, trainer: Trainer, model: LightningModule) -> None:
        assert isinstance(model, MultiTask)
        layers = [each for name, each in batch_norms(model).items() if name in self._changed]
        if self.is_due and layers:
            loader = trainer.datamodule.train_dataloader()  # type: ignore[attr-defined]
            renew_statistics(model, layers, first_batches(loader, BATCHES, trainer, model))
        self.is_due = False


class SoupMaker:
    """Average runs, and evaluate the result.

    Args:
        members: runs that can be averaged, see `read_members`.
        model: a model of the same kind, whose weights are modified.
        data: data that it is evaluated on.
        device: device of the model.
    """

    def __init__(
        self, members: Sequence[Member], model: MultiTask, data: DataModule, device: torch.device
    ) -> None:
        self.members, self.model, self.data = list(members), model, data
        self.statistics = _NewStatistics(members)
        sources = list(data.source_rows("val"))
        self.trainer = Trainer(
            accelerator="gpu" if device.type == "cuda" else device.type,
            devices=[device.index or 0] if device.type == "cuda" else 1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            inference_mode=False,
            callbacks=[self.statistics, *([SourceEvaluation(sources)] if sources else [])],
        )

    def make(self, greedy: bool) -> Soup:
        """Average all runs, or those that raise the score on the validation set.

        Args:
            greedy: whether to add the runs one at a time, the best first, and keep each if
                ``val/score`` does not fall.

        Raises:
            InputError: if ``greedy`` is set and there is no validation set.
        """
        has_validation = "val" in self.data.splits
        if greedy and not has_validation:
            raise InputError("soup: --greedy needs a validation set, and the data have none")
        scores = [self._score([each]) for each in self.members] if has_validation else []
        if greedy and not all(score == score for score in scores):
            raise InputError("soup: --greedy needs a val/score, which the labels do not define")
        members = self._greedy(scores) if greedy else self.members
        metrics: dict[str, Tensor] = {}
        self._take(members)
        for split, run in (("val", self.trainer.validate), ("test", self.trainer.test)):
            if split in self.data.splits:
                run(self.model, datamodule=self.data, verbose=False)
                metrics |= self.trainer.callback_metrics
        return Soup(members, scores, metrics, self.trainer)

    def _greedy(self, scores: Sequence[float]) -> list[Member]:
        order = sorted(range(len(scores)), key=lambda place: -scores[place])
        kept, best = [self.members[order[0]]], scores[order[0]]
        for place in order[1:]:
            tried = [*kept, self.members[place]]
            if (score := self._score(tried)) >= best:
                kept, best = tried, score
        return kept

    def _score(self, members: Sequence[Member]) -> float:
        self._take(members)
        self.trainer.validate(self.model, datamodule=self.data, verbose=False)
        return float(self.trainer.callback_metrics["val/score"])

    def _take(self, members: Sequence[Member]) -> None:
        self.model.load_state_dict(averaged([each.state for each in members]))
        self.statistics.is_due = len(members) > 1


def averaged(states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The mean of several models' weights, computed in double precision.

    Args:
        states: the ``state_dict`` of each model, with the same entries.

    Returns:
        A ``state_dict``. Entries that are not floating-point weights, that belong to tasks or
        balancers, or that contain an infinity or NaN are those of the first model.
    """
    found = dict(states[0])
    for name, first in states[0].items():
        if not isinstance(first, Tensor) or name.startswith(KEPT):
            continue
        if not (first.is_floating_point() or first.is_complex()) or not first.isfinite().all():
            continue
        # The mean of equal numbers may differ from them in the last digit.
        if all(torch.equal(first, each[name]) for each in states[1:]):
            continue
        double = torch.promote_types(first.dtype, torch.float64)
        mean = sum(each[name].to(double) / len(states) for each in states)
        assert isinstance(mean, Tensor)
        found[name] = mean.to(first.dtype)
    return found
