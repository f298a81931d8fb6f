"""Public classification data sets with a training and a test set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from multitask.data.known.base import KnownData
from multitask.data.known.part import Part
from multitask.data.splitting import hold_out, keep_labels_per_class
from multitask.errors import InputError


class Classified(KnownData):
    """A public classification data set with the parts ``train`` and ``test``.

    A fraction of the training set is held out for validation, stratified by class. The test set is
    not changed.

    Args:
        val: fraction of the training set that is held out.
        labels_per_class: number of training images of each class that keep their label; default:
            all; other targets are always known.
        options: see `KnownData`.
    """

    class_task = "class"
    """The task that ``val`` and ``labels_per_class`` refer to."""

    def __init__(
        self, val: float = 0.1, labels_per_class: int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        if not 0 < val < 1:
            raise InputError(f"val is {val}; give a share of the training set between 0 and 1")
        self.val = val
        self.labels_per_class = labels_per_class
        self.labelled_task = self.labelled_task or self.class_task

    def divide(self, parts: Mapping[str, Part]) -> Mapping[str, Part]:
        labels = parts["train"].samples.targets[self.class_task]
        assert isinstance(labels, Tensor)
        rest, held_out = hold_out(labels, self.val, self.seed)
        train, val = parts["train"].take(rest), parts["train"].take(held_out)
        if self.labels_per_class is not None:
            train.samples.targets[self.class_task] = keep_labels_per_class(
                labels[rest], self.labels_per_class, self.seed
            )
        return {"train": train, "val": val, "test": parts["test"]}

    def keep_out(self, share: float) -> tuple[Tensor, Tensor]:
        """Hold out the same fraction of every class."""
        labels = self.splits["train"].targets[self.class_task]
        assert isinstance(labels, Tensor)
        return hold_out(labels, share, self.seed)
