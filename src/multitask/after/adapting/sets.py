"""The query set, and the samples from which support sets are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multitask.after.adapting.new_task import NewTask
from multitask.after.trained_model import TrainedModel
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset
from multitask.data.duplicates import input_hashes
from multitask.data.targets import as_tasks_see
from multitask.errors import InputError
from multitask.few_shot import Samples, apart, draw_support, first_of_each
from multitask.labels import known
from multitask.pages.words import counted

CHUNK = 256
"""Samples that are read at a time."""
QUERY_SEED = 0
SPLITS = {"test": "test", "val": "validation"}
Numbers = np.ndarray[Any, np.dtype[Any]]
"""Shape ``[samples]``."""


@dataclass(frozen=True)
class Sets:
    """What is drawn from, and what is asked.

    Args:
        new: the task and its data.
        inputs: names of the model's inputs.
        query: the query set, on the CPU.
        split: the query set's, in words.
        targets: of the training samples, as `multitask.few_shot.draw_support` takes them.
        allowed: which of them may be drawn, as places.
        images: numbers of the training images, see `multitask.data.duplicates.input_hashes`.
        remarks: what a person should know of the sets, in sentences.
        left_out: why samples may not be drawn, as the end of a sentence; empty if all may.
    """

    new: NewTask
    inputs: Sequence[str]
    query: Samples
    split: str
    targets: Tensor
    allowed: Tensor
    images: Numbers
    remarks: list[str] = field(default_factory=list)
    left_out: str = ""

    def draw(self, shots: int, seed: int) -> Tensor:
        """Places of a support set's samples, see `multitask.few_shot.draw_support`.

        Args:
            shots: labels of each class, or samples.
            seed: of the draw.

        Raises:
            InputError: if there are fewer.
        """
        name, task = self.new.name, self.new.task
        try:
            return draw_support(name, task, self.targets, shots, seed, self.allowed)
        except InputError as error:
            raise InputError(f"adapt: {error}{self.left_out}") from error

    def support(self, places: Tensor) -> Samples:
        """Read the samples of a support set."""
        return read(self.new, self.inputs, "train", places)


def sets_of(trained: TrainedModel, new: NewTask, most: int | None) -> Sets:
    """Choose the query set, and what may be drawn.

    The query set is the test set, or else the validation set, without the images that the run was
    trained on. Training samples that share an image or a group with it are never drawn.

    Args:
        trained: the run's model.
        new: the task and its data.
        most: samples of the query set; None for all.

    Raises:
        InputError: if no sample is left.
    """
    split = next((each for each in SPLITS if each in new.data.splits), None)
    if split is None:
        raise InputError(
            f"adapt: the {type(new.data).__name__} have neither a test set nor a validation set "
            "to ask about; change the data's settings (without, or split)"
        )
    train, samples = new.data.splits["train"], new.data.splits[split]
    images, asked = _images(train), _images(samples)
    places, remarks = _query(trained, new, split, asked, most)
    targets, kin, others = _drawable(new, train), [images], [asked[places.numpy()]]
    if groups := _groups(new.data, "train", split):
        kin, others = [*kin, groups[0]], [*others, groups[1][places.numpy()]]
    labelled, free = _labelled(targets), apart(kin, others)
    why = _kin(int((labelled & ~free).sum()), new, split, bool(groups))
    remarks = [_opening(len(places), len(samples), SPLITS[split], new), *remarks]
    remarks += [*([why] if why else []), *_drawn_and_seen(trained, images, labelled & free)]
    allowed = (free & first_of_each(images)).nonzero().flatten()
    inputs = trained.model.inputs
    query = read(new, inputs, split, places)
    left_out = f" ({why.removesuffix('.')})" if why else ""
    return Sets(new, inputs, query, SPLITS[split], targets, allowed, images, remarks, left_out)


def read(new: NewTask, inputs: Sequence[str], split: str, places: Tensor) -> Samples:
    """Read samples, transformed.

    Args:
        new: the task and its data.
        inputs: names of the model's.
        split: ``train``, ``val`` or ``test``.
        places: of the samples, shape ``[samples]``, int64.

    Raises:
        InputError: if the data lack an input.
    """
    data, parts = new.data, []
    for part in places.split(CHUNK):
        batch = data.on_after_batch_transfer(data.splits[split][part], 0)
        for name in inputs:
            if name not in batch:
                raise InputError(
                    f"adapt: the run's model takes the input '{name}', which the "
                    f"{type(data).__name__} do not have"
                )
        parts.append([*(batch[name] for name in inputs), batch[new.name]])
    *found, target = [torch.cat(each) for each in zip(*parts, strict=True)]
    return Samples(found, target)


def _images(samples: BatchDataset) -> Numbers:
    """A number for each sample's image, or all its inputs if there is no image."""
    has_image = "image" in samples.inputs(torch.tensor([0]))
    return input_hashes(samples, images_only=has_image, as_bytes=True)


def _groups(data: DataModule, *splits: str) -> list[Numbers]:
    """A number for each sample's group, by split; none if the data have no groups."""
    found = [data.groups(each) for each in splits]
    numbers: dict[Any, int] = {}
    # A sample without a group is alone.
    alone = count(-1, -1)

    def number(group: Any) -> int:
        is_missing = group is None or group == "" or group != group
        return next(alone) if is_missing else numbers.setdefault(group, len(numbers))

    known = [each[1] for each in found if each is not None]
    if len(known) < len(found):
        return []
    return [np.array([number(group) for group in groups], np.int64) for groups in known]


def _query(
    trained: TrainedModel, new: NewTask, split: str, images: Any, most: int | None
) -> tuple[Tensor, list[str]]:
    samples = new.data.splits[split]
    labelled = _labelled(_drawable(new, samples))
    if trained.training_images is None:
        seen, remarks = (
            torch.zeros(len(samples), dtype=torch.bool),
            [
                "Whether the run was trained on images of the query set is not known: its "
                "checkpoint does not tell."
            ],
        )
    else:
        numbers = trained.training_images.cpu().numpy()
        seen = torch.from_numpy(np.isin(images.view(np.int64), numbers))
        left = int((seen & labelled).sum())
        what = (
            f"{left:,} of the {int(labelled.sum()):,} labelled samples of the {SPLITS[split]} set"
        )
        remarks = [f"{what} were trained on by the run, and are left out."] if left else []
    places = (labelled & ~seen).nonzero().flatten()
    if not len(places):
        reason = (
            f"has no label of '{new.name}'"
            if not labelled.any()
            else ("holds only images that the run was trained on")
        )
        raise InputError(f"adapt: the {SPLITS[split]} set {reason}; give other data to ask about")
    if most is not None and most < len(places):
        generator = torch.Generator().manual_seed(QUERY_SEED)
        chosen = torch.randperm(len(places), generator=generator)[:most]
        places = places[chosen.sort().values]
    return places, remarks


def _drawable(new: NewTask, samples: BatchDataset) -> Tensor:
    """Targets of all samples; of maps, which may be large, a 0 for each that has a label."""
    found = []
    for places in torch.arange(len(samples)).split(CHUNK):
        target = as_tasks_see(samples.targets[new.name][places])
        if target.ndim > 2:
            target = torch.where(new.task.known(target), 0.0, torch.nan)
        found.append(target)
    return torch.cat(found)


def _labelled(targets: Tensor) -> Tensor:
    """Which samples have at least one label, ``[samples]``, bool."""
    return known(targets).reshape(len(targets), -1).any(1)


def _opening(asked: int, there: int, split: str, new: NewTask) -> str:
    of = "all" if asked == there else f"{asked:,} of the"
    kind = type(new.data).__name__
    return f"Query set: {of} {there:,} samples of the {split} set of {kind}, the same for all."


def _kin(number: int, new: NewTask, split: str, has_groups: bool) -> str:
    if not number:
        return ""
    groups = new.data.groups(split) if has_groups else None
    also = f" or a {groups[0]}" if groups else ""
    shares = "shares" if number == 1 else "share"
    return (
        f"{counted(number, 'labelled training sample')} {shares} an image{also} with the query "
        f"set, and {'is' if number == 1 else 'are'} not drawn."
    )


def _drawn_and_seen(trained: TrainedModel, images: Any, drawable: Tensor) -> list[str]:
    if trained.training_images is None:
        return []
    seen = torch.from_numpy(np.isin(images.view(np.int64), trained.training_images.cpu().numpy()))
    number = int((seen & drawable).sum())
    whole = f"{int(drawable.sum()):,} samples that support sets are drawn from"
    return [f"The run was trained on the images of {number:,} of the {whole}."] if number else []
