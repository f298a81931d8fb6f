"""The training classes of a classification task, for joint training."""

from __future__ import annotations

from typing import Any

from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset
from multitask.data.episodes.divided_classes import ClassNames, DividedClasses


class TrainingClasses(DividedClasses):
    """Some classes of a classification task, renumbered from 0, in ordinary batches.

    This is the baseline for meta-learning: with the same classes and seed, training uses the same
    samples as with `multitask.data.Episodes`. Validation and test samples are those of the source
    that belong to the training classes; the test classes are kept for
    `multitask.callbacks.FewShotEvaluation`. The model's task has one class per training class.

    Args:
        source: the data set.
        task: a classification task of the source; its other tasks are kept unchanged.
        classes: see `multitask.data.Episodes`.
        val_classes: see `multitask.data.Episodes`; these classes are not used.
        test_classes: if ``classes`` is not given, the number of classes that are held out for
            tests, drawn with the seed; default: 5.
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
        """The source's class names, restricted to the training classes."""
        return {**self.source.class_names(), self.task: self.names_of("train")}

    def groups(self, split: str) -> tuple[str, list[Any]] | None:
        """The source's groups."""
        self.setup()
        found = self.source.groups(split)
        if found is None:
            return None
        rows = self.of_classes(split, "train")[1].tolist()
        return found[0], [found[1][row] for row in rows]
