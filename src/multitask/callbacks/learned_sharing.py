"""Which parts of the model each task uses: logged every few batches, drawn at the end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from multitask.errors import InputError
from multitask.figures.mixing import SharesOverTime, draw_mixing
from multitask.figures.saving import save_figure
from multitask.figures.sending import send_figure
from multitask.module import MultiTask
from multitask.sharing import Mixing
from multitask.training.mixing_records import MixingRecords

MOST_VALUES = 100
"""With more values than this in a record, they are drawn but not logged."""


class LearnedSharing(Callback):
    """Show what a sharing scheme learns about the parts of the model that tasks share.

    These are the mixtures of `CrossStitch`, the gates of `MMoE`, and anything else that a scheme
    returns as `Sharing.mixing`. Each value is logged as ``sharing/<place>/<task>/<part>``, unless
    there are more than 100 of them. The figure has one row per place, with all values before,
    during and after training. There is no figure for a scheme that learns no such values.

    Args:
        path: the PNG file; default: none.
        every: number of batches from one record to the next.

    Raises:
        InputError: if ``every`` is less than 1.
    """

    def __init__(self, path: Path | None = None, every: int = 50) -> None:
        if every < 1:
            raise InputError(f"every is {every}; give a number of batches, at least 1")
        self.path, self.every = path, every
        self.batches = 0
        self.records = MixingRecords()

    def state_dict(self) -> dict[str, Any]:
        """All records."""
        return {"batches": self.batches, **self.records.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue with what `state_dict` returned."""
        self.batches = state_dict["batches"]
        self.records.load_state_dict(state_dict)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Record the values before the first batch."""
        if self.batches == 0:
            self._look(pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Record and log the values if due, or if there were none before this batch."""
        self.batches += 1
        if self.batches % self.every == 0 or not self.records.at:
            values = self._look(pl_module)
            for logger in trainer.loggers if values else []:
                row = {**values, "epoch": trainer.current_epoch}
                logger.log_metrics(row, step=max(trainer.global_step - 1, 0))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the values once more, and draw them."""
        assert isinstance(pl_module, MultiTask)
        if not self.records.at:
            return
        if self.records.at[-1] < self.batches:
            self._look(pl_module)
        if self.path is None or not trainer.is_global_zero:
            return
        shares, parts = self.records.shares, self.records.parts
        places = [
            SharesOverTime(place, parts[place], torch.stack(shares[place])) for place in shares
        ]
        figure = draw_mixing(self.records.at, list(pl_module.tasks), places)
        save_figure(figure, self.path, dpi=200)
        name = f"figures/{self.path.stem}"
        send_figure(trainer.loggers, name, figure, self.path, trainer.global_step)

    def _look(self, model: LightningModule) -> dict[str, float]:
        """Add a record, and return the values to log."""
        assert isinstance(model, MultiTask)
        # On every process, because the values may be spread over several.
        mixing, tasks = model.sharing.mixing(), list(model.tasks)
        self.records.add(self.batches, mixing, len(tasks))
        return _values(tasks, mixing)


def _values(tasks: list[str], mixing: Mapping[str, Mixing]) -> dict[str, float]:
    """All known shares, by name; empty if there are too many."""
    named = {
        f"sharing/{place}/{task}/{part}": share
        for place, found in mixing.items()
        for task, row in zip(tasks, found.shares.tolist(), strict=True)
        for part, share in zip(found.parts, row, strict=True)
    }
    known = {name: share for name, share in named.items() if share == share}
    return known if len(named) <= MOST_VALUES else {}
