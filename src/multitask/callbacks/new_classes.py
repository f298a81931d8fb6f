"""Episodes of classes unseen in training, to evaluate a trained model."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.data.episodes.divided_classes import DividedClasses
from multitask.data.episodes.pools import Pool
from multitask.data.sampling import order_generator
from multitask.errors import InputError
from multitask.missing_labels import missing_like
from multitask.module import MultiTask

Batch = dict[str, Tensor]


class NewClasses:
    """Draw episodes of the test classes from the test samples of the source.

    Args:
        data: the data, loaded, which hold out the classes.
        ways: number of classes in an episode; default: all.
        shots: number of labelled samples per class.
        queries: number of test samples per class.
        seed: seed; the same seed and data give the same episodes.
    """

    def __init__(
        self, data: DividedClasses, ways: int | None, shots: int, queries: int, seed: int
    ) -> None:
        groups = data.groups_of("test")
        self._pools = [Pool(data.rows("test", each), groups) for each in data.classes["test"]]
        self._data, self._seed = data, seed
        self._shots, self._queries = shots, queries
        self.ways = ways or len(self._pools)

    def check(self, owner: str) -> int:
        """Reject data with too few classes or samples.

        Args:
            owner: the name of the caller, for the message.

        Returns:
            Number of classes in an episode.

        Raises:
            InputError: with the class and what would be valid.
        """
        wanted = self._queries + self._shots
        for name, pool in zip(self._data.names_of("test"), self._pools, strict=True):
            if len(pool) < wanted:
                raise InputError(
                    f"{owner}: class {name} has {len(pool)} test samples of different groups, "
                    f"fewer than queries and the most shots together, {wanted}; lower them"
                )
        if self.ways > len(self._pools):
            raise InputError(
                f"{owner}: ways is {self.ways}, but there are {len(self._pools)} test classes"
            )
        return self.ways

    def deal(self, model: MultiTask, number: int) -> tuple[Batch, Batch]:
        """Draw an episode.

        Args:
            model: the model that the episode is for.
            number: number of the episode; the same number gives the same episode.

        Returns:
            The support and the queries, each sorted by class, on the model's device. Classes are
            numbered from 0. The targets of other tasks are missing.
        """
        generator = order_generator(self._seed, number)
        chosen = torch.randperm(len(self._pools), generator=generator)[: self.ways].sort().values
        count = self._queries + self._shots
        drawn = [self._pools[each].draw(count, generator) for each in chosen.tolist()]
        queries = [each[: self._queries] for each in drawn]
        support = [each[self._queries :] for each in drawn]
        return self._batch(model, torch.cat(support)), self._batch(model, torch.cat(queries))

    def _batch(self, model: MultiTask, rows: Tensor) -> Batch:
        data = self._data
        read = data.source.splits["test"][rows]
        found = {name: each.to(model.device) for name, each in read.items()}
        found = data.on_after_batch_transfer(found, 0)
        labels = found[data.task].unique(return_inverse=True)[1]
        others = {name: missing_like(found[name]) for name in model.tasks if name != data.task}
        return {**found, **others, data.task: labels}


def first_shots(values: Tensor, shots: int, ways: int) -> Tensor:
    """The first samples of each class.

    Args:
        values: values of samples sorted by class, shape ``[ways * samples, ...]``.
        shots: number of samples per class.
        ways: number of classes.

    Returns:
        Shape ``[ways * shots, ...]``.
    """
    return values.view(ways, -1, *values.shape[1:])[:, :shots].flatten(0, 1)
