"""Random numbers for dropping inputs of training samples."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from multitask.augmentation.draws import PLACE, uniforms
from multitask.encoders.joins import DropInputs

OTHER = 0x64726F70
"""Offset of the seed, so that the numbers are independent of those for augmentations."""


class InputDraws(Callback):
    """Draws for each sample by its position in the run, independently of the processes."""

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Draw for a batch."""
        drops = self._drops(pl_module)
        if drops and PLACE in batch:
            seed = trainer.datamodule.seed + OTHER  # type: ignore[attr-defined]
            counts = [each.inputs for each in drops]
            for each, draws in zip(drops, uniforms(seed, batch[PLACE], counts), strict=True):
                each.draws = draws

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Delete the numbers, which are for no other batch."""
        for each in self._drops(pl_module):
            each.draws = None

    def _drops(self, model: Any) -> list[DropInputs]:
        return [each for each in model.encoder.modules() if isinstance(each, DropInputs)]
