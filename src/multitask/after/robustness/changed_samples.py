"""Labelled samples whose images are attacked or corrupted when they are read."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from multitask.after.labelled_samples import Groups, LabelledSamples
from multitask.after.trained_model import TrainedModel
from multitask.data.dataset import Batch, BatchDataset
from multitask.robustness.changes import Change, changed_images, spread_places
from multitask.robustness.pixel_bounds import PixelBounds

VERB = "robustness"


class _Chosen(BatchDataset):
    """Some samples of a split, whose ``index`` refers to the whole split."""

    def __init__(self, whole: BatchDataset, places: Tensor) -> None:
        super().__init__({})
        self.whole, self.places = whole, places

    def __len__(self) -> int:
        return len(self.places)

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        return self.whole.inputs(self.places[indices])

    def __getitem__(self, indices: Tensor) -> Batch:
        return self.whole[self.places[indices]]


def chosen_samples(samples: LabelledSamples, number: int | None) -> LabelledSamples:
    """Select evenly spaced samples.

    Args:
        samples: all samples.
        number: number of samples to select; default: all.
    """
    places = spread_places(number, len(samples)).nonzero().flatten()
    groups = samples.groups
    chosen = places.tolist()
    return replace(
        samples,
        split=_Chosen(samples.split, places),
        names=None if samples.names is None else [samples.names[each] for each in chosen],
        numbers=None if samples.numbers is None else [samples.numbers[each] for each in chosen],
        groups=groups and Groups(groups.name, [groups.values[each] for each in chosen]),
    )


class ChangedImages:
    """Prepare batches whose images are attacked or corrupted.

    Args:
        trained: the model to attack.
        samples: the unchanged samples.
        change: the change of the images.
        seed: seed of random starts and of noise.
    """

    def __init__(
        self, trained: TrainedModel, samples: LabelledSamples, change: Change, seed: int
    ) -> None:
        self.trained, self.samples, self.change, self.seed = trained, samples, change, seed
        self.bounds = PixelBounds.of(list(trained.transforms))
        self.unchanged = 0
        """Number of labelled samples whose images remained unchanged."""

    def __call__(self, batch: Batch) -> Batch:
        """Change the images of a batch.

        Args:
            batch: the batch as read.
        """
        prepared = self.samples.prepare(batch)
        ready = {name: each.to(self.trained.device) for name, each in prepared.items()}
        self.bounds.check(self.bounds.pixels(ready["image"]))
        model, places = self.trained.model, ready["index"]
        images = changed_images(self.change, model, ready, places, self.bounds, self.seed)
        self._count(ready, images)
        return {**ready, "image": images}

    def _count(self, batch: Batch, images: Tensor) -> None:
        known = [self.trained.model.named_tasks[name].known(batch[name]) for name in self._tasks]
        if known:
            same = (images == batch["image"]).flatten(1).all(1)
            self.unchanged += int((same & torch.stack(known).any(0)).sum())

    @property
    def _tasks(self) -> list[str]:
        return list(getattr(self.change, "tasks", None) or self.samples.tasks)

    @property
    def changed(self) -> LabelledSamples:
        """The samples with the changed images."""
        return replace(self.samples, prepare=self)
