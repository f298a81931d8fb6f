"""Batch normalisation statistics for averaged weights, which no training step computes."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Trainer
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from multitask.module import MultiTask
from multitask.training.batch_statistics import batch_norms, renew_statistics
from multitask.training.first_batches import first_batches


class FreshStatistics:
    """Compute the statistics for the weights that the model holds, once for each set of weights.

    They are computed on the first training batches of the first epoch. They therefore depend on the
    weights alone, and a resumed training gets the same values.

    Args:
        number: number of batches; with 0, nothing is computed.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._values: dict[str, Tensor] = {}
        self._of: int | None = None
        self._all: dict[str, _BatchNorm] = {}
        self._changing: dict[str, _BatchNorm] = {}
        self._loader: Any = None

    def begin(self, model: MultiTask) -> None:
        """Find the layers, before training begins."""
        self._all = batch_norms(model)
        self.see_frozen()

    def see_frozen(self) -> None:
        """Record which layers training changes; validation changes none."""
        self._changing = {
            name: each
            for name, each in self._all.items()
            if each.training and each.track_running_stats
        }

    def end(self) -> None:
        """Release the data loader, which may hold processes."""
        self._loader = None

    def is_due(self, version: int) -> bool:
        """Whether some weights have no statistics yet.

        Args:
            version: number of the weights.
        """
        return bool(self.number and self._changing) and self._of != version

    def of(self, version: int) -> dict[str, Tensor]:
        """The statistics for some weights, by name; empty if there are none.

        Args:
            version: number of the weights.
        """
        return self._values if self._of == version else {}

    def renew(self, trainer: Trainer, model: MultiTask, version: int) -> None:
        """Compute the statistics for the weights that the model holds, and store them in the model.

        Args:
            trainer: the Trainer of the model.
            model: the model, on its device.
            version: number of the weights.
        """
        if self._loader is None:
            self._loader = trainer.datamodule.train_dataloader()  # type: ignore[attr-defined]
        number = int(min(self.number, trainer.num_training_batches))
        batches = first_batches(self._loader, number, trainer, model)
        with trainer.precision_plugin.forward_context():
            renew_statistics(model, list(self._changing.values()), batches)
        self._values, self._of = {}, version
        for name, layer in self._changing.items():
            assert layer.running_mean is not None
            assert layer.running_var is not None
            self._values[f"{name}.running_mean"] = layer.running_mean.clone()
            self._values[f"{name}.running_var"] = layer.running_var.clone()
