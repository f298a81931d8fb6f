"""Episodes of regression tasks: one standardised column with a random sign per episode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset
from multitask.data.episodes.base import EpisodeData
from multitask.data.episodes.class_split import refuse_idle, split_kinds
from multitask.data.episodes.dealt import Deal, DealtEpisodes
from multitask.data.episodes.pools import Pool
from multitask.data.episodes.source import FromSource, check_task, read
from multitask.data.sampling import order_generator
from multitask.data.split_check import SPLITS
from multitask.errors import InputError
from multitask.missing_labels import known


class RegressionEpisodes(EpisodeData, FromSource):
    """Samples episodes of regression tasks, such as a table's columns, with ``shots`` known values.

    The columns are divided into training, validation and test columns; each element of a vector is
    a column named ``<task>.<index>``. An episode draws one column of its split, standardises it
    with the statistics of the training samples, and flips its sign at random, so that the inputs
    alone carry no information. Then it draws samples, at most one per group if the source has
    groups. Training episodes come from the source's training set and test episodes from its test
    set. The model has one task, ``value``, a `multitask.tasks.Regression` with 1 number. Maps and
    classes are not used.

    Args:
        source: the data set.
        shots: number of support samples.
        queries: number of query samples.
        episodes: number of training episodes in an epoch.
        val_episodes: number of validation episodes.
        test_episodes: number of test episodes.
        episodes_per_batch: number of episodes in a global batch, over which the gradient is
            averaged.
        columns: names of the columns of ``train``, ``val`` and ``test``; other columns are not
            used. Without ``val``, validation uses the training columns with other samples.
        val_columns: if ``columns`` is not given, the number of validation columns, drawn with the
            seed; 0 to use the training columns.
        test_columns: if ``columns`` is not given, the number of test columns, drawn with the seed.
        transforms: see `DataModule`.
        num_workers: see `DataModule`.
        seed: see `DataModule`; also the seed of the columns and episodes.
        without: see `DataModule`.

    Raises:
        InputError: if a number is invalid.
    """

    task = "value"

    def __init__(
        self,
        source: DataModule,
        shots: int = 10,
        queries: int = 10,
        episodes: int = 400,
        val_episodes: int = 50,
        test_episodes: int = 100,
        episodes_per_batch: int = 1,
        columns: dict[str, list[str]] | None = None,
        val_columns: int = 0,
        test_columns: int = 1,
        transforms: Sequence[nn.Module] = (),
        num_workers: int = 0,
        seed: int | None = None,
        without: Sequence[Any] = (),
    ) -> None:
        super().__init__(
            shots,
            queries,
            episodes,
            val_episodes,
            test_episodes,
            episodes_per_batch,
            source=source,
            transforms=transforms,
            num_workers=num_workers,
            seed=seed,
            without=without,
        )
        counts = {"val_columns": (val_columns, 0), "test_columns": (test_columns, 1)}
        refuse_idle(columns, counts, "columns")
        self.given_columns, self.val_columns, self.test_columns = columns, val_columns, test_columns
        self.columns: dict[str, list[str]] = {}

    def load(self) -> dict[str, BatchDataset]:
        splits = self.load_source()
        values = {split: _columns(each) for split, each in splits.items()}
        if not values["train"]:
            raise InputError("RegressionEpisodes: the source has no regression task")
        sizes = self.val_columns, self.test_columns
        names = list(values["train"])
        self.columns = split_kinds(names, self.given_columns, *sizes, self.seed, "columns")
        for name in names:
            check_task(name.partition(".")[0], splits, "columns")
        statistics = {name: _statistics(name, each) for name, each in values["train"].items()}
        self.remember_images(torch.arange(len(splits["train"])))
        found: dict[str, BatchDataset] = {}
        for split, samples in splits.items():
            numbers = [
                (values[split][name] - mean) / deviation
                for name in self.columns[split]
                for mean, deviation in [statistics[name]]
            ]
            found[split] = self._episodes(split, samples, numbers)
        return found

    def _episodes(
        self, split: str, samples: BatchDataset, numbers: Sequence[Tensor]
    ) -> BatchDataset:
        groups, size = self.groups_of(split), self.shots + self.queries
        pools = [Pool(known(each).nonzero().flatten(), groups) for each in numbers]
        for name, pool in zip(self.columns[split], pools, strict=True):
            if len(pool) < size:
                what = "known values" if groups is None else "groups of samples with a value"
                raise InputError(
                    f"RegressionEpisodes: '{name}' has {len(pool)} {what} in the {split} split, "
                    f"fewer than shots + queries = {size}; give fewer of them"
                )
        seed = self.seed * len(SPLITS) + SPLITS.index(split)
        deal = _ColumnDeal(pools, numbers, self.task, size, seed)
        sizes = self.shots, self.queries
        return DealtEpisodes(samples, deal, {}, sizes, self.episodes[split], [self.task])

    def element_names(self) -> dict[str, list[str]]:
        """Empty, because an episode's column has no name."""
        return {}


@dataclass(frozen=True)
class _ColumnDeal:
    """Samples the episode with a given number.

    Args:
        pools: for each column, the samples for which it is known.
        numbers: the standardised columns, each of shape ``[samples]``.
        task: name of the episode's task.
        size: number of samples in an episode.
        seed: seed of all episodes.
    """

    pools: Sequence[Pool]
    numbers: Sequence[Tensor]
    task: str
    size: int
    seed: int

    def __call__(self, number: int) -> Deal:
        generator = order_generator(self.seed, number)
        column = int(torch.randint(len(self.pools), (), generator=generator))
        sign = 1 - 2 * int(torch.randint(2, (), generator=generator))
        rows = self.pools[column].draw(self.size, generator)
        return rows, {self.task: sign * self.numbers[column][rows]}


def _columns(samples: BatchDataset) -> dict[str, Tensor]:
    """Return all numbers by column, each ``[samples]``, float32."""
    found: dict[str, Tensor] = {}
    for name, targets in samples.targets.items():
        first = targets[torch.tensor([0])]
        if not first.is_floating_point() or first.ndim > 2:
            continue
        values = read(targets).reshape(len(samples), -1)
        several = values.shape[1] > 1
        each = enumerate(values.unbind(1))
        found |= {f"{name}.{place}" if several else name: column for place, column in each}
    return found


def _statistics(name: str, values: Tensor) -> tuple[Tensor, Tensor]:
    finite = values[known(values)].double()
    if len(finite) < 2:
        count = len(finite)
        raise InputError(f"columns: '{name}' has {count} training values; remove it from columns")
    deviation = finite.std(correction=0)
    return finite.mean().to(values), torch.where(deviation > 0, deviation, 1.0).to(values)
