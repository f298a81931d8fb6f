"""The samples of a classification task by class, with classes divided among the splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.data.episodes.class_split import refuse_idle, split_kinds
from multitask.data.episodes.source import FromSource, check_task, read
from multitask.data.rows import Rows
from multitask.errors import InputError
from multitask.missing_labels import known

ClassNames = dict[str, list[str | int]]


class DividedClasses(FromSource):
    """Base class of data sets with classes divided into training, validation and test classes.

    Training uses neither the test classes nor the source's validation and test images of any class.

    Args:
        task: a classification task of the source, with one class per sample.
        classes: names or indices of the classes of ``train``, ``val`` and ``test``.
        val_classes: see `split_kinds`.
        test_classes: see `split_kinds`; None for ``default_tests``.
        default_tests: default number of test classes.
        options: see `FromSource`.
    """

    def __init__(
        self,
        task: str,
        classes: Mapping[str, Sequence[str | int]] | None,
        val_classes: int,
        test_classes: int | None,
        default_tests: int,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        refuse_idle(
            classes, {"val_classes": (val_classes, 0), "test_classes": (test_classes, None)}
        )
        self.task, self.given_classes = task, classes
        self.val_classes = val_classes
        self.test_classes = default_tests if test_classes is None else test_classes
        self.classes: dict[str, list[int]] = {}
        self._labels: dict[str, Tensor] = {}

    def load_classes(self) -> dict[str, BatchDataset]:
        """Load the source, read the labels, and divide the classes.

        Returns:
            The source's splits.

        Raises:
            InputError: if there is no such task, or it does not have the classes.
        """
        splits = self.load_source()
        check_task(self.task, splits, "task")
        self._labels = {split: read(each.targets[self.task]) for split, each in splits.items()}
        for split, labels in self._labels.items():
            if labels.dtype != torch.int64 or labels.ndim != 1:
                raise InputError(
                    f"task names '{self.task}', whose {split} targets are {labels.dtype} of shape "
                    f"{list(labels.shape)}; name a task with one class number for each sample, or "
                    "use multitask.data.RegressionEpisodes"
                )
        every = torch.cat(list(self._labels.values()))
        names = self.source.class_names().get(self.task)
        numbers = every[known(every)].unique().tolist()
        number_of = {self._called(number, names): number for number in numbers}
        given = self.given_classes and {
            split: [_meant(each, list(number_of)) for each in kinds]
            for split, kinds in self.given_classes.items()
        }
        sizes = self.val_classes, self.test_classes
        found = split_kinds(list(number_of), given, *sizes, self.seed)
        self.classes = {split: [number_of[each] for each in found[split]] for split in found}
        return splits

    def rows(self, split: str, number: int) -> Tensor:
        """Return indices of a class's samples in a split of the source, ``[samples]``, int64."""
        return (self._labels[split] == number).nonzero().flatten()

    def names_of(self, split: str) -> list[str]:
        """Return the names of a split's classes, in the order of their indices."""
        names = self.source.class_names().get(self.task)
        return [str(self._called(number, names)) for number in self.classes[split]]

    def of_classes(self, split: str, classes: str) -> tuple[BatchDataset, Tensor]:
        """Select a split's samples of some classes, which are renumbered from 0.

        Args:
            split: the split to select from.
            classes: the split whose classes are selected.

        Returns:
            The samples, and their indices in the source's split, ``[samples]``, int64.
        """
        labels = self._labels[split]
        meant = torch.tensor(self.classes[classes])
        rows = torch.isin(labels, meant).nonzero().flatten()
        if not len(rows):
            raise InputError(
                f"no {split} sample of the source has a class of {self.names_of(classes)}; give "
                "other classes, or a source with more samples"
            )
        found = Rows(self.source.splits[split], rows)
        found.targets[self.task] = torch.searchsorted(meant, labels[rows])
        return found, rows

    def _called(self, number: int, names: list[str] | None) -> str | int:
        return names[number] if names is not None and number < len(names) else number


def _meant(name: str | int, known: Sequence[str | int]) -> str | int:
    """Find the class that the user means, who may have written a number as text or vice versa."""
    return next((each for each in known if str(each) == str(name)), name)
