"""How the tasks' gradients meet in the encoder: logged every few batches, drawn at the end."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor

from multitask.balancing.level import Level
from multitask.balancing.task_gradients import TaskGradients
from multitask.errors import InputError
from multitask.figures.drawing import HeatMap, draw_heat_maps
from multitask.module import MultiTask

MOST = 1000
"""Records kept for drawing; of more, every second one goes."""


class GradientTelemetry(Callback):
    """Logs how much each task counts, its gradient's norm, and where tasks pull apart.

    With any balancer. Gradients are compared where the balancer compares them, or else at the
    representation; they are those of the loss after a balancing of losses and before a balancing of
    gradients. A pair's conflict rate is the share of the records so far in which the cosine is
    negative; a record in which one of the two has no label counts for neither.

    Args:
        path: the PNG file for heat maps over time; none where not given.
        every: how often to look, in batches; where the balancer compares gradients less often, the
            next batch in which it does.

    Raises:
        InputError: if ``every`` is less than 1.
    """

    def __init__(self, path: Path | None = None, every: int = 50) -> None:
        if every < 1:
            raise InputError(f"every is {every}; it counts batches, from 1 on")
        self.path, self.every = path, every
        self.batches = 0
        self._is_due = False
        self._at: list[int] = []
        self._gramians: list[Tensor] = []
        self._weights: list[Tensor] = []
        self._conflicts: Tensor | float = 0.0
        self._seen: Tensor | float = 0.0
        self._found: list[Tensor] = []
        self._watch: Callable[[TaskGradients], None] | None = None

    def state_dict(self) -> dict[str, Any]:
        """All records."""
        return {
            "batches": self.batches,
            "is_due": self._is_due,
            "at": self._at,
            "gramians": self._gramians,
            "weights": self._weights,
            "conflicts": self._conflicts,
            "seen": self._seen,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what `state_dict` returned."""
        self.batches, self._is_due = state_dict["batches"], state_dict.get("is_due", False)
        self._at = list(state_dict["at"])
        self._gramians, self._weights = list(state_dict["gramians"]), list(state_dict["weights"])
        self._conflicts, self._seen = state_dict["conflicts"], state_dict["seen"]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Look at the batch's gradients if it is its turn."""
        assert isinstance(pl_module, MultiTask)
        self._is_due |= self.batches % self.every == 0
        if self._is_due and pl_module.balancer.compares_next:
            self._is_due = False
            level = getattr(pl_module.balancer, "level", None) or Level()
            self._watch = lambda gradients: self._found.append(level.gramian(gradients))
            pl_module.views.watchers.append(self._watch)
        self.batches += 1

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Log what was seen."""
        assert isinstance(pl_module, MultiTask)
        if self._watch is None:
            return
        pl_module.views.watchers.remove(self._watch)
        self._watch = None
        if self._found:
            # Of the whole loss, as if neither accumulation nor half precision had scaled it.
            scaler = getattr(trainer.precision_plugin, "scaler", None)
            scale = scaler.get_scale() if scaler is not None else 1.0
            factor = trainer.accumulate_grad_batches / scale
            gramian = self._found.pop().detach().cpu().double() * factor**2
            weights = pl_module.counted_weights().cpu().double()
            self._record(gramian, weights)
            values = self._values(list(pl_module.tasks))
            for logger in trainer.loggers:
                row = {**values, "epoch": trainer.current_epoch}
                logger.log_metrics(row, step=max(trainer.global_step - 1, 0))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the heat maps."""
        assert isinstance(pl_module, MultiTask)
        if self.path is None or not (self._at and trainer.is_global_zero):
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draw_heat_maps(self._at, self._maps(list(pl_module.tasks))).savefig(self.path, dpi=200)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_image(f"figures/{self.path.stem}", [str(self.path)])

    def _record(self, gramian: Tensor, weights: Tensor) -> None:
        cosines = _cosines(gramian)
        self._at.append(self.batches - 1)
        self._gramians.append(gramian)
        self._weights.append(weights)
        self._conflicts = self._conflicts + (cosines < 0).double()
        self._seen = self._seen + cosines.isfinite().double()
        if len(self._at) > MOST:
            for records in (self._at, self._gramians, self._weights):
                del records[1::2]

    def _values(self, tasks: list[str]) -> dict[str, float]:
        gramian, weights = self._gramians[-1], self._weights[-1]
        cosines, rates = _cosines(gramian), self._rates()
        values: dict[str, float] = {}
        for place, task in enumerate(tasks):
            if gramian[place, place] > 0:
                values[f"gradients/{task}/norm"] = float(gramian[place, place].sqrt())
                values[f"gradients/{task}/weight"] = float(weights[place])
        for one, other in combinations(range(len(tasks)), 2):
            name = f"gradients/{tasks[one]}-{tasks[other]}"
            if bool(cosines[one, other].isfinite()):
                values[f"{name}/cosine"] = float(cosines[one, other])
                values[f"{name}/conflict_rate"] = float(rates[one, other])
        return values

    def _maps(self, tasks: list[str]) -> list[HeatMap]:
        gramians, weights = torch.stack(self._gramians), torch.stack(self._weights)
        squares = gramians.diagonal(dim1=1, dim2=2)
        norms = torch.where(squares > 0, squares, torch.nan).sqrt()
        maps = [
            HeatMap("weight", tasks, weights.T),
            HeatMap("gradient norm, log10", tasks, norms.log10().T),
        ]
        pairs = list(combinations(range(len(tasks)), 2))
        if pairs:
            cosines, rates = _cosines(gramians), self._rates()
            names = [
                f"{tasks[one]}, {tasks[other]} ({100 * float(rates[one, other]):.0f} %)"
                for one, other in pairs
            ]
            values = torch.stack([cosines[:, one, other] for one, other in pairs])
            most = float(values.nan_to_num().abs().max()) or 1.0
            maps.append(HeatMap("cosine (share of conflicts)", names, values, (-most, most)))
        return maps

    def _rates(self) -> Tensor:
        return torch.as_tensor(self._conflicts) / torch.as_tensor(self._seen)


def _cosines(gramian: Tensor) -> Tensor:
    norms = gramian.diagonal(dim1=-2, dim2=-1).sqrt()
    # 0 / 0 makes NaN where a task has no gradient.
    return gramian / norms.unsqueeze(-1) / norms.unsqueeze(-2)
