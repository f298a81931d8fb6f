"""Episodes of a classification task: a few classes, renumbered per episode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from multitask.augmentation import Augmentation
from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset
from multitask.data.episodes.base import EpisodeData
from multitask.data.episodes.dealt import Deal, DealtEpisodes
from multitask.data.episodes.divided_classes import ClassNames, DividedClasses
from multitask.data.episodes.pools import Pool
from multitask.data.sampling import order_generator
from multitask.data.split_check import SPLITS
from multitask.errors import InputError
from multitask.geometry import Geometry


class Episodes(EpisodeData, DividedClasses):
    """Samples episodes of a classification task: ``ways`` classes, with ``shots`` labels of each.

    The classes are divided into training, validation and test classes. An episode draws some
    classes of its split and numbers them from 0 to ``ways - 1`` at random, so that the numbers
    alone carry no information. Then it draws samples, at most one per group if the source has
    groups. Training episodes come from the source's training set and test episodes from its test
    set, so they share neither classes nor samples. The model's task has ``num_classes: <ways>``.

    Args:
        source: the data set.
        task: a classification task of the source.
        ways: number of classes in an episode, at least 2.
        shots: number of support samples per class.
        queries: number of query samples per class.
        episodes: number of training episodes in an epoch.
        val_episodes: number of validation episodes.
        test_episodes: number of test episodes.
        episodes_per_batch: number of episodes in a global batch, over which the gradient is
            averaged.
        classes: names or indices of the classes of ``train``, ``val`` and ``test``; other classes
            are not used. Without ``val``, validation uses the training classes with other samples.
        val_classes: if ``classes`` is not given, the number of validation classes, drawn with the
            seed; 0 to use the training classes.
        test_classes: if ``classes`` is not given, the number of test classes, drawn with the seed;
            default: ``ways``.
        transforms: see `DataModule`.
        num_workers: see `DataModule`.
        seed: see `DataModule`; also the seed of the classes and episodes.
        augmentations: see `DataModule`.
        geometry: see `DataModule`.
        without: see `DataModule`.

    Raises:
        InputError: if a number is invalid.
    """

    def __init__(
        self,
        source: DataModule,
        task: str,
        ways: int = 5,
        shots: int = 5,
        queries: int = 10,
        episodes: int = 400,
        val_episodes: int = 50,
        test_episodes: int = 100,
        episodes_per_batch: int = 1,
        classes: ClassNames | None = None,
        val_classes: int = 0,
        test_classes: int | None = None,
        transforms: Sequence[nn.Module] = (),
        num_workers: int = 0,
        seed: int | None = None,
        augmentations: Sequence[Augmentation] = (),
        geometry: dict[str, Geometry] | None = None,
        without: Sequence[Any] = (),
    ) -> None:
        if ways < 2:
            raise InputError(f"Episodes: ways is {ways}; an episode has at least 2 classes")
        super().__init__(
            shots,
            queries,
            episodes,
            val_episodes,
            test_episodes,
            episodes_per_batch,
            task=task,
            classes=classes,
            val_classes=val_classes,
            test_classes=test_classes,
            default_tests=ways,
            source=source,
            transforms=transforms,
            num_workers=num_workers,
            seed=seed,
            augmentations=augmentations,
            geometry=geometry,
            without=without,
        )
        self.ways = ways

    def load(self) -> dict[str, BatchDataset]:
        splits = self.load_classes()
        self._check_ways()
        self.remember_images(
            torch.cat([self.rows("train", each) for each in self.classes["train"]])
        )
        return {split: self._episodes(split, samples) for split, samples in splits.items()}

    def class_names(self) -> dict[str, list[str]]:
        """The names for the source's other tasks; the classes of an episode have only numbers."""
        known = self.source.class_names()
        return {name: names for name, names in known.items() if name != self.task}

    def _episodes(self, split: str, samples: BatchDataset) -> BatchDataset:
        groups = self.groups_of(split)
        pools = [Pool(self.rows(split, each), groups) for each in self.classes[split]]
        for name, pool in zip(self.names_of(split), pools, strict=True):
            if len(pool) < self.shots + self.queries:
                what = "samples" if groups is None else "groups of samples"
                raise InputError(
                    f"Episodes: class {name} has {len(pool)} {what} in the {split} split, fewer "
                    f"than shots + queries = {self.shots + self.queries}; give fewer of them, or "
                    "remove the class from classes"
                )
        others = {name: each for name, each in samples.targets.items() if name != self.task}
        # A different seed for each split, even if two have the same classes.
        seed = self.seed * len(SPLITS) + SPLITS.index(split)
        deal = _ClassDeal(pools, self.task, (self.ways, self.shots, self.queries), seed)
        sizes = self.ways * self.shots, self.ways * self.queries
        return DealtEpisodes(samples, deal, others, sizes, self.episodes[split], [self.task])

    def _check_ways(self) -> None:
        counts = {split: len(each) for split, each in self.classes.items()}
        if min(counts["train"], counts["test"], counts["val"]) < self.ways:
            validating = (
                ""
                if self.classes["val"] == self.classes["train"]
                else f", {counts['val']} to validate"
            )
            raise InputError(
                f"Episodes: {self.ways}-way episodes need at least {self.ways} classes of each "
                f"split, but there are {counts['train']} to train{validating} and {counts['test']} "
                "to test; give fewer ways, or divide the classes differently"
            )


@dataclass(frozen=True)
class _ClassDeal:
    """Samples the episode with a given number.

    Args:
        pools: the pool of samples of each class.
        task: name of the classification task.
        sizes: number of classes, of support samples per class, and of queries per class.
        seed: seed of all episodes.
    """

    pools: Sequence[Pool]
    task: str
    sizes: tuple[int, int, int]
    seed: int

    def __call__(self, number: int) -> Deal:
        ways, shots, queries = self.sizes
        generator = order_generator(self.seed, number)
        chosen = torch.randperm(len(self.pools), generator=generator)[:ways].tolist()
        drawn = [self.pools[each].draw(shots + queries, generator) for each in chosen]
        parts: list[Tensor] = [each[:shots] for each in drawn] + [each[shots:] for each in drawn]
        labels = torch.arange(ways)
        targets = torch.cat([labels.repeat_interleave(shots), labels.repeat_interleave(queries)])
        return torch.cat(parts), {self.task: targets}
