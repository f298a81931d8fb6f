"""Training on images that were changed by an attack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy
from torch import Tensor

from multitask.augmentation.draws import PLACE, uniforms
from multitask.errors import InputError
from multitask.passes.base import Pass
from multitask.robustness import Attack, PixelBounds
from multitask.robustness.attack import IMAGE

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask, Outputs

INDEX = "index"


class AttackingPass(Pass):
    """Base class of passes with an attack.

    Args:
        attack: attack on the images of each training batch; its random starts depend on the
            samples' indices and on the data's seed.
        from_step: number of optimizer steps before the first batch that is attacked.

    Raises:
        InputError: if a setting is invalid.
    """

    def __init__(self, attack: Attack, from_step: int = 0) -> None:
        super().__init__()
        if from_step < 0:
            raise InputError(f"from_step is {from_step}; give a number of steps, at least 0")
        self.attack, self.from_step = attack, from_step
        self.bounds, self.seed = PixelBounds(), 0
        self.is_sharded = False
        """Whether processes synchronise in each pass, so that all must attack equally often."""
        self._has_looked = False

    def prepare(self, model: MultiTask, trainer: Trainer) -> None:
        data: Any = getattr(trainer, "datamodule", None)
        self.attack.weights(model)
        if str(trainer.precision).startswith("16"):
            raise InputError(
                f"precision {trainer.precision} rounds small gradients of images to zero; use "
                "bf16-mixed or 32-true for adversarial training"
            )
        self.bounds = PixelBounds.of(getattr(data, "transforms", ()))
        self.seed = getattr(data, "seed", 0)
        self.is_sharded = model.device_mesh is not None or isinstance(
            trainer.strategy, FSDPStrategy | ModelParallelStrategy | DeepSpeedStrategy
        )
        self._has_looked = False

    def is_due(self, model: MultiTask) -> bool:
        """Whether the current batch is attacked."""
        return model._trainer is None or model.trainer.global_step >= self.from_step

    def look(self, images: Tensor) -> None:
        """Reject images that are not pixels, at the first batch."""
        if not self._has_looked and images.numel():
            self._has_looked = True
            self.bounds.check(self.bounds.pixels(images))


class AdversarialPass(AttackingPass):
    """Trains on attacked images (Madry et al., 2018, arXiv 1706.06083, equation 2.1).

    The model receives one batch and is differentiated once, as in plain training, so any balancer
    works as usual; the attack runs first, see `multitask.robustness.Attack`. Training losses and
    metrics are those of the images that the model was trained on.

    Args:
        attack: see `AttackingPass`.
        share: share of the images that are attacked, from 0 to 1; the others stay unchanged.
        from_step: see `AttackingPass`.

    Raises:
        InputError: if a setting is invalid.
    """

    def __init__(self, attack: Attack, share: float = 1.0, from_step: int = 0) -> None:
        super().__init__(attack, from_step)
        if not 0 <= share <= 1:
            raise InputError(f"share is {share}; give the share of images to attack, from 0 to 1")
        self.share = share

    def forward(self, model: MultiTask, batch: Batch) -> tuple[Outputs, Batch]:
        if self.is_due(model):
            batch = {**batch, IMAGE: self._attacked(model, batch)}
        return model(*model.inputs_of(batch)), batch

    def _attacked(self, model: MultiTask, batch: Batch) -> Tensor:
        images, places = batch[IMAGE], places_of(batch)
        self.look(images)
        if self.share == 1:
            return self.attack(model, batch, places, self.seed, self.bounds)
        # With another seed than the random start, which would be correlated with the choice.
        (drawn,) = uniforms(self.seed + 1, places, [1])
        chosen = drawn[:, 0] < self.share
        if self.is_sharded:
            found = self.attack(model, batch, places, self.seed, self.bounds)
            return torch.where(chosen.view(-1, 1, 1, 1), found, images)
        rows = chosen.nonzero()[:, 0]
        part = {name: values[rows] for name, values in batch.items()}
        found = self.attack(model, part, places[rows], self.seed, self.bounds)
        return images.index_copy(0, rows, found)


def places_of(batch: Batch) -> Tensor:
    """The indices that identify the samples of a batch, shape ``[batch]``, int64."""
    for name in (PLACE, INDEX):
        if name in batch:
            return batch[name]
    return torch.arange(len(batch[IMAGE]), device=batch[IMAGE].device)
