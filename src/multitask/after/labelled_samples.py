"""Labelled samples from any source, to evaluate a trained model on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pandas import DataFrame
from torch import Tensor

from multitask.after.older_checkpoints import data_beside
from multitask.after.trained_model import TrainedModel
from multitask.data import DataModule
from multitask.data.dataset import Batch, BatchDataset
from multitask.data.duplicates import Hashes, input_hashes, remembered_input
from multitask.data.episodes.entries import SUPPORT
from multitask.data.faces import Face, Picture
from multitask.errors import InputError, nearest


@dataclass(frozen=True)
class Groups:
    """Groups of samples that belong together.

    Args:
        name: meaning of the groups, such as the name of a column.
        values: group of each sample.
    """

    name: str
    values: Sequence[Any]

    def numbers(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The number of each sample's group, shape ``[samples]``."""
        known: dict[Any, int] = {}
        return np.array([known.setdefault(each, len(known)) for each in self.values], np.int64)


@dataclass(frozen=True)
class LabelledSamples:
    """Samples with their names and labels.

    Args:
        title: title, such as the path of the table.
        split: inputs and targets.
        prepare: converts a batch as read to the model's inputs, on any device.
        tasks: names of the tasks that have targets.
        names: names of the samples, such as their files.
        numbers: row numbers of the samples.
        groups: groups of samples that belong together.
        faces: display form of the inputs, by name.
        elements: names of a vector's elements, by task.
        skipped: rows and cells that could not be used.
        remarks: remarks for the user, in sentences.
        texts: original texts, by input, of the text inputs.
        are_own: whether they are a split of the run's own data, not another table.
    """

    title: str
    split: BatchDataset
    prepare: Callable[[Batch], Batch]
    tasks: list[str]
    names: list[str] | None = None
    numbers: list[int] | None = None
    groups: Groups | None = None
    faces: Mapping[str, Face] = field(default_factory=lambda: {"image": Picture()})
    elements: Mapping[str, list[str]] = field(default_factory=dict)
    skipped: DataFrame = field(default_factory=DataFrame)
    remarks: list[str] = field(default_factory=list)
    texts: Mapping[str, list[str]] = field(default_factory=dict)
    are_own: bool = False

    @property
    def in_sentence(self) -> str:
        """The title as a part of a sentence, such as "the test set of Digits"."""
        return f"the {self.title}" if self.are_own else self.title

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.split)

    def batch(self, places: Tensor) -> Batch:
        """The model's inputs for some samples, and their targets.

        Args:
            places: indices of the samples, shape ``[batch]``, int64.
        """
        return self.prepare(self.split[places])

    def name(self, place: int) -> str:
        """The display name of a sample."""
        return self.names[place] if self.names else f"sample {place}"

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs."""
        return list(self.split.inputs(torch.tensor([0])))

    def known_hashes(self) -> Hashes | None:
        """Hashes of the images or texts, see `multitask.data.DataModule.training_images`.

        Returns:
            Shape ``[samples]``; None if the samples have neither, or several texts.
        """
        name = remembered_input(self.split)
        return None if name is None else input_hashes(self.split, only=name, as_bytes=True)


def own_samples(trained: TrainedModel, split: str, group: str | None) -> LabelledSamples:
    """The samples of a split of the run's own data.

    Args:
        trained: a model whose checkpoint is in its run's folder.
        split: ``test``, ``val`` or ``train``.
        group: name of the groups; default: those of the data.

    Raises:
        InputError: if the run or its data do not exist, or have no such split or groups.
    """
    data = data_beside(Path(trained.source), trained.trust)
    return samples_of(trained, data, split, group)


def samples_of(
    trained: TrainedModel, data: DataModule, split: str, group: str | None = None
) -> LabelledSamples:
    """The samples of a split of some data.

    Args:
        trained: the model.
        data: the data, loaded.
        split: ``test``, ``val`` or ``train``.
        group: name of the groups; default: those of the data.

    Raises:
        InputError: if the data have no such split or groups.
    """
    if split not in data.splits:
        raise InputError(
            f"split is '{split}', but the run's data have {', '.join(data.splits)}; give "
            f"--split=...{nearest(split, data.splits)}"
        )
    if SUPPORT in data.splits[split][torch.tensor([0])]:
        raise InputError(
            "the run's own data deal episodes, to which the run adapted in its own test; its "
            "metrics are in the run's summary.json: give a labelled table"
        )
    found = _groups(data, split, group)
    tasks = trained.model.named_tasks
    lacking = [name for name in tasks if name not in data.splits[split].targets]

    def prepare(batch: Batch) -> Batch:
        ready = data.on_after_batch_transfer(batch, 0)
        return {
            name: values.to(trained.precision)
            if name in trained.model.inputs and values.is_floating_point()
            else values
            for name, values in ready.items()
        }

    return LabelledSamples(
        title=f"{split} set of {type(data).__name__}",
        are_own=True,
        split=data.splits[split],
        prepare=prepare,
        tasks=[name for name in tasks if name not in lacking],
        names=data.names(split),
        groups=found,
        faces=data.faces(),
        elements=data.element_names(),
        remarks=[f"The data have no target of {name}." for name in lacking],
        texts=data.texts(split),
    )


def _groups(data: DataModule, split: str, group: str | None) -> Groups | None:
    found = data.groups(split)
    if group is not None and (found is None or found[0] != group):
        raise InputError(
            f"group is '{group}', but the run's own data have "
            f"{'no groups' if found is None else f'the groups {found[0]!r}'}; give a table with "
            f"such a column: multitask evaluate CHECKPOINT TABLE --group={group}"
        )
    return None if found is None else Groups(*found)
