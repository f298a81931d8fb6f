"""Another data set whose samples are used to make episodes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from multitask.configuration.defaults import default_of
from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset
from multitask.data.faces import Face
from multitask.data.targets import Targets, as_tasks_see
from multitask.errors import InputError, nearest
from multitask.geometry import Geometry

CHUNK = 1024
"""Number of targets that are read at a time."""
OPTIONS = (
    "batch_size",
    "labelled_per_batch",
    "transforms",
    "num_workers",
    "augmentations",
    "balanced_by",
    "by_length",
    "meta",
)
"""Settings of a source that would have no effect on episodes."""


class FromSource(DataModule):
    """Base class of data made from another data set's samples, whose splits are kept.

    Args:
        source: the other data set; its settings for batches must have their defaults.
        options: see `DataModule`.
    """

    # The source's images are checked instead.
    is_looked_at = False

    def __init__(self, source: DataModule, **options: Any) -> None:
        super().__init__(**options)
        own, theirs = type(self).__name__, type(source).__name__
        if source.deals_episodes or isinstance(source, FromSource):
            done = "deals episodes" if source.deals_episodes else "chooses classes"
            right = f"{theirs} has" if isinstance(source, FromSource) else "has ordinary samples"
            raise InputError(
                f"source: {theirs} {done} itself, but {own} needs all samples as they are; give "
                f"{own} a source that {right}"
            )
        for option in OPTIONS:
            if _is_given(source, option):
                raise InputError(
                    f"source sets {option}, which applies to batches; remove it there, and set it "
                    f"on {own} if {own} has it"
                )
        if type(source).on_after_batch_transfer is not DataModule.on_after_batch_transfer:
            raise InputError(
                f"source: {theirs} changes batches in on_after_batch_transfer, which would not be "
                "called; change the images in the split's `images`"
            )
        self.source = source

    def prepare_data(self) -> None:
        """Download what the source needs."""
        self.source.prepare_data()

    def load_source(self) -> dict[str, BatchDataset]:
        """Load the source's splits that this data set should have."""
        try:
            self.source.setup()
        except InputError as error:
            said = str(error).replace("data.init_args.", "data.init_args.source.init_args.")
            raise InputError(f"source: {said}") from error
        return {
            split: samples
            for split, samples in self.source.splits.items()
            if split not in self.without
        }

    def absent(self) -> set[str]:
        return super().absent() | self.source.absent()

    def own_geometry(self) -> dict[str, Geometry]:
        """The source's geometry."""
        self.setup()
        known = self.splits["train"].targets
        return {name: each for name, each in self.source.geometry.items() if name in known}

    def faces(self) -> dict[str, Face]:
        """The source's faces."""
        self.setup()
        return self.source.faces()

    def written_inputs(self) -> dict[str, Any]:
        """The source's written inputs."""
        return self.source.written_inputs()

    def element_names(self) -> dict[str, list[str]]:
        """The source's element names."""
        return self.source.element_names()

    def remember_images(self, rows: Tensor) -> None:
        """Store the numbers by which training images are recognised.

        Args:
            rows: their indices in the source's training set, int64.
        """
        known = self.source.training_images
        if known is not None:
            self.training_images = known[rows.unique().numpy()]

    def groups_of(self, split: str) -> list[Any] | None:
        """Return the group of each of the source's samples, None if all samples are independent."""
        found = self.source.groups(split)
        return None if found is None else found[1]


def read(targets: Targets) -> Tensor:
    """Read all targets in the form that tasks receive, a few at a time."""
    places = torch.arange(len(targets)).split(CHUNK)
    return torch.cat([as_tasks_see(targets[each]) for each in places])


def check_task(task: str, splits: dict[str, BatchDataset], where: str) -> None:
    """Refuse a task that is not in all splits.

    Args:
        task: name of the task.
        splits: the source's splits.
        where: the setting that names it.

    Raises:
        InputError: naming the available tasks.
    """
    for samples in splits.values():
        if task not in samples.targets:
            near = nearest(task, samples.targets)
            raise InputError(f"{where} names '{task}', which the source does not have{near}")


def _is_given(source: DataModule, option: str) -> bool:
    """Return whether a setting differs from its default."""
    value = getattr(source, option)
    if option in ("transforms", "augmentations"):
        return len(value) > 0
    return bool(value != default_of(type(source), option))
