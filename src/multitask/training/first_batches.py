"""Training batches that do not advance training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from lightning.pytorch import Trainer

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask


def first_batches(
    loader: Iterable[Any], number: int, trainer: Trainer, model: MultiTask
) -> Iterator[Batch]:
    """Yield the first batches of the first epoch, as a training step would get them.

    Args:
        loader: loader of the training split; not the Trainer's own, whose position in the epoch
            would change.
        number: maximum number of batches.
        trainer: connected with the model.
        model: on its device.
    """
    for batch in islice(iter(loader), number):
        converted = trainer.precision_plugin.convert_input(batch)
        converted = model._on_before_batch_transfer(converted, dataloader_idx=0)
        yield trainer.strategy.batch_to_device(converted, dataloader_idx=0)
