"""The training classes of a classification, to train on jointly."""

from __future__ import annotations

from typing import Any

from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset
from multitask.data.episodes.divided_classes import ClassNames, DividedClasses


class TrainingClasses(DividedClasses):
    """Some classes of a classification, numbered anew from 0 on, in ordinary batches.

    The competitor of any meta-learning: with the same classes and seed, training sees the same
    samples as with `multitask.data.Episodes`. Validation and test samples are the source's, of the
    training classes; the test classes are there for `multitask.callbacks.FewShotEvaluation`. The
    model's task has as many classes as train.

    Args:
        source: the data set.
        task: a classification of it; its other tasks stay as they are.
        classes: see `multitask.data.Episodes`.
        val_classes: see `multitask.data.Episodes`; these classes are not used.
        test_classes: if ``classes`` is not given, how many are kept for tests, drawn by the seed;
            default: 5.
        options: see `DataModule`.
    """

    def __init__(
        self,
        source: DataModule,
        task: str,
        classes: ClassNames | None = None,
        val_classes: int = 0,
        test_classes: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            source=source,
            task=task,
            classes=classes,
            val_classes=val_classes,
            test_classes=test_classes,
            default_tests=5,
            **options,
        )

    def load(self) -> dict[str, BatchDataset]:
        splits = self.load_classes()
        self.remember_images(self.of_classes("train", "train")[1])
        return {split: self.of_classes(split, "train")[0] for split in splits}

    def class_names(self) -> dict[str, list[str]]:
        """As the source calls them; those of the training classes alone."""
        return {**self.source.class_names(), self.task: self.names_of("train")}

    def groups(self, split: str) -> tuple[str, list[Any]] | None:
        """As the source knows them."""
        self.setup()
        found = self.source.groups(split)
        if found is None:
            return None
        rows = self.of_classes(split, "train")[1].tolist()
        return found[0], [found[1][row] for row in rows]
