"""How the tasks' gradients agree in the encoder: logged every few batches, drawn at the end."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from multitask.balancing.level import Level
from multitask.balancing.task_gradients import TaskGradients
from multitask.errors import InputError
from multitask.figures.heat_maps import HeatMap, counted, draw_heat_maps, draw_pairs
from multitask.figures.saving import save_figure
from multitask.figures.sending import send_figure
from multitask.module import MultiTask
from multitask.training.gradient_records import GradientRecords

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MANY = 15
"""With more tasks than this, and so more than 105 pairs, only the most conflicting are shown.

The number of pairs shown is the same.
"""
CHOSEN_AFTER = 10
"""Number of records after which the pairs to log are fixed, so that their names stay the same."""


class GradientTelemetry(Callback):
    """Log each task's weight and gradient norm, and where tasks conflict.

    This works with any balancer. Gradients are compared where the balancer compares them, or
    otherwise at the representation. They are the gradients of the loss after loss balancing and
    before gradient balancing. What a task ``teaches`` affects its weight, not its gradient; a task
    that only reads has no gradient there. The conflict rate of a pair is the fraction of records so
    far with a negative cosine; a record in which one of the two tasks has no label is ignored. If a
    sharing scheme leaves the tasks no number in common, there are no cosines. Passes in which a
    task has more than one gradient, such as `multitask.passes.FOMAML`, are not recorded.

    With more than 15 tasks there are too many pairs to show. The mean cosine and the fraction of
    conflicting pairs are then logged as ``gradients/mean_cosine`` and
    ``gradients/conflicting_pairs``. From the tenth record on, the 15 pairs that have conflicted
    most often by then are logged as well. The heat maps show the 15 most conflicting pairs of the
    whole run, and a second file, such as ``gradients_pairs.png``, shows all pairs.

    Args:
        path: the PNG file for heat maps over time; default: none.
        every: number of batches from one record to the next. If the balancer compares gradients
            less often, the next batch in which it does is used.

    Raises:
        InputError: if ``every`` is less than 1.
    """

    def __init__(self, path: Path | None = None, every: int = 50) -> None:
        if every < 1:
            raise InputError(f"every is {every}; give a number of batches, at least 1")
        self.path, self.every = path, every
        self.batches = 0
        self._is_due = False
        self.records = GradientRecords()
        self._logged_pairs: list[int] | None = None
        self._found: list[Tensor] = []
        self._watch: Callable[[TaskGradients], None] | None = None

    def state_dict(self) -> dict[str, Any]:
        """All records."""
        return {
            "batches": self.batches,
            "is_due": self._is_due,
            "logged_pairs": self._logged_pairs,
            **self.records.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue with what `state_dict` returned."""
        self.batches, self._is_due = state_dict["batches"], state_dict.get("is_due", False)
        self._logged_pairs = state_dict.get("logged_pairs")
        self.records.load_state_dict(state_dict)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Record the gradients of the batch if one is due."""
        assert isinstance(pl_module, MultiTask)
        self._is_due |= self.batches % self.every == 0
        has_gradients = pl_module.training_pass.has_task_gradients
        if self._is_due and has_gradients and pl_module.balancer.compares_next:
            self._is_due = False
            level = getattr(pl_module.balancer, "level", None) or Level()
            meet = level.nothing_in_common(pl_module.encoder) is None

            def watch(gradients: TaskGradients) -> None:
                gramian = level.gramian(gradients)
                self._found.append(gramian if meet else _without_products(gramian))

            self._watch = watch
            pl_module.views.watchers.append(self._watch)
        self.batches += 1

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Log the record."""
        assert isinstance(pl_module, MultiTask)
        if self._watch is None:
            return
        pl_module.views.watchers.remove(self._watch)
        self._watch = None
        if self._found:
            # Gradients of the whole loss, without the scaling of accumulation or half precision.
            scaler = getattr(trainer.precision_plugin, "scaler", None)
            scale = scaler.get_scale() if scaler is not None else 1.0
            factor = trainer.accumulate_grad_batches / scale
            gramian = self._found.pop().detach().cpu().double() * factor**2
            weights = pl_module.counted_weights().cpu().double()
            found = self.records.add(self.batches - 1, gramian, weights)
            values = self._values(list(pl_module.tasks), *found)
            for logger in trainer.loggers:
                row = {**values, "epoch": trainer.current_epoch}
                logger.log_metrics(row, step=max(trainer.global_step - 1, 0))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the heat maps."""
        assert isinstance(pl_module, MultiTask)
        if self.path is None or not (self.records.at and trainer.is_global_zero):
            return
        names, records = list(pl_module.tasks), self.records
        self._save(trainer, draw_heat_maps(records.at, self._maps(names)), self.path)
        if len(names) > MANY:
            figure = draw_pairs(names, records.means, records.rates, records.seen)
            self._save(trainer, figure, self.path.with_stem(f"{self.path.stem}_pairs"))

    def _save(self, trainer: Trainer, figure: Figure, path: Path) -> None:
        save_figure(figure, path, dpi=200)
        name = f"figures/{path.stem}"
        send_figure(trainer.loggers, name, figure, path, trainer.global_step)

    def _values(self, tasks: list[str], norms: Tensor, cosines: Tensor) -> dict[str, float]:
        values: dict[str, float] = {}
        weights = self.records.weights[-1]
        for place, task in enumerate(tasks):
            if not bool(norms[place].isnan()):
                values[f"gradients/{task}/norm"] = float(norms[place])
                values[f"gradients/{task}/weight"] = float(weights[place])
        names, rates = list(combinations(tasks, 2)), self.records.rates
        known = cosines.isfinite()
        if len(tasks) > MANY and bool(known.any()):
            values["gradients/mean_cosine"] = float(cosines[known].mean())
            values["gradients/conflicting_pairs"] = float((cosines[known] < 0).double().mean())
        for pair in self._pairs_to_log(len(tasks)):
            name = f"gradients/{names[pair][0]}-{names[pair][1]}"
            if bool(known[pair]):
                values[f"{name}/cosine"] = float(cosines[pair])
                values[f"{name}/conflict_rate"] = float(rates[pair])
        return values

    def _pairs_to_log(self, tasks: int) -> list[int]:
        if tasks <= MANY:
            return list(range(tasks * (tasks - 1) // 2))
        if self._logged_pairs is None and len(self.records.at) >= CHOSEN_AFTER:
            self._logged_pairs = self._most_conflicting()
        return self._logged_pairs or []

    def _most_conflicting(self) -> list[int]:
        # A stable sort, so that the first of equal pairs is chosen on every machine.
        order = self.records.rates.nan_to_num(-1.0).sort(descending=True, stable=True).indices
        return order[:MANY].tolist()

    def _maps(self, tasks: list[str]) -> list[HeatMap]:
        records = self.records
        maps = [
            HeatMap("weight", tasks, torch.stack(records.weights).T),
            HeatMap("gradient norm, log10", tasks, torch.stack(records.norms).log10().T),
        ]
        names = list(combinations(tasks, 2))
        pairs = self._most_conflicting() if len(tasks) > MANY else list(range(len(names)))
        if pairs and records.seen.any():
            shares = [f"{100 * float(records.rates[pair]):.0f} %" for pair in pairs]
            rows = [
                f"{', '.join(names[pair])} ({share})"
                for pair, share in zip(pairs, shares, strict=True)
            ]
            values = torch.stack(records.cosines)[:, pairs].T
            title = f"cosine (share of conflicts)\n{counted(records.seen[pairs])}"
            maps.append(HeatMap(title, rows, values, (-1.0, 1.0)))
        return maps


def _without_products(gramian: Tensor) -> Tensor:
    """Keep only the norms where gradients of different numbers would appear orthogonal."""
    is_own = torch.eye(len(gramian), dtype=torch.bool, device=gramian.device)
    return gramian.masked_fill(~is_own, torch.nan)
