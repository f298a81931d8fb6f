"""The query set, and the samples that support sets are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from multitask.after.adapting.kin import Numbers, group_numbers, image_numbers, told_of_kin
from multitask.after.adapting.new_task import NewTask
from multitask.after.adapting.query import SPLITS, chosen_query, told_of_seen
from multitask.after.trained_model import TrainedModel
from multitask.data.dataset import BatchDataset
from multitask.data.targets import as_tasks_see
from multitask.errors import InputError
from multitask.few_shot import Samples, apart, draw_support, first_of_each
from multitask.missing_labels import joined_rows
from multitask.missing_labels import known as known_numbers
from multitask.tokenizers import is_text
from multitask.training.description import made_otherwise

CHUNK = 256
"""Number of samples read at a time."""


@dataclass(frozen=True)
class Sets:
    """The query set, and the samples that support sets are drawn from.

    Args:
        new: the task and its data.
        inputs: names of the model's inputs.
        query: the query set, on the CPU.
        targets: targets of the training samples, as accepted by `multitask.few_shot.draw_support`.
        allowed: indices of those that may be drawn.
        images: numbers of the training images, see `multitask.data.duplicates.input_hashes`.
        remarks: remarks on the sets for the user, in sentences.
        left_out: the reason why some samples may not be drawn, as the end of a sentence; empty if
            all may be.
    """

    new: NewTask
    inputs: Sequence[str]
    query: Samples
    targets: Tensor
    allowed: Tensor
    images: Numbers
    remarks: list[str] = field(default_factory=list)
    left_out: str = ""

    def draw(self, shots: int, seed: int) -> Tensor:
        """Draw the indices of a support set, see `multitask.few_shot.draw_support`.

        Args:
            shots: number of labels per class, or number of samples.
            seed: seed of the draw.

        Raises:
            InputError: if there are not enough samples.
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
    """Choose the query set and the samples that may be drawn.

    The query set is the test set, or otherwise the validation set, without the images that the run
    was trained on. Training samples that share an image or a group with it are never drawn.

    Args:
        trained: the run's model.
        new: the task and its data.
        most: largest number of samples in the query set; None for all.

    Raises:
        InputError: if no sample is left.
    """
    split = next((each for each in SPLITS if each in new.data.splits), None)
    if split is None:
        raise InputError(
            f"adapt: the {type(new.data).__name__} have neither a test set nor a validation set "
            "to test on; change the data's settings (without, or split)"
        )
    if (other := made_otherwise(trained.description["inputs"], new.data)) is not None:
        raise InputError(
            f"adapt: the data make the input '{other}' differently from those of {trained.source}; "
            "give the same columns, categories and tokenizer"
        )
    train, asked = new.data.splits["train"], new.data.splits[split]
    inputs, images, others = trained.model.inputs, image_numbers(train), image_numbers(asked)
    places, remarks = chosen_query(
        trained, new, split, labelled(drawable(new, asked)), others, most
    )
    targets, kin, query_kin = drawable(new, train), [images], [others[places.numpy()]]
    groups = group_numbers(new.data, "train", split)
    if groups is not None:
        kin, query_kin = [*kin, groups[0]], [*query_kin, groups[1][places.numpy()]]
    known, free = labelled(targets), apart(kin, query_kin)
    why = told_of_kin(int((known & ~free).sum()), new, split, groups is not None)
    free_places = (known & free).nonzero().flatten()
    allowed = free_places[first_of_each(images[free_places.numpy()])]
    remarks += [*([why] if why else []), *told_of_seen(trained, images[allowed.numpy()])]
    return Sets(
        new,
        inputs,
        read(new, inputs, split, places),
        targets,
        allowed,
        images,
        remarks,
        f" ({why.removesuffix('.')})" if why else "",
    )


def read(new: NewTask, inputs: Sequence[str], split: str, places: Tensor) -> Samples:
    """Read samples with their transforms applied.

    Args:
        new: the task and its data.
        inputs: names of the model's inputs.
        split: ``train``, ``val`` or ``test``.
        places: indices of the samples, shape ``[samples]``, int64.

    Raises:
        InputError: if the data lack an input.
    """
    data, parts = new.data, []
    for part in places.split(CHUNK):
        read = data.splits[split][part]
        batch = data.on_after_batch_transfer(dict(read), 0)
        # Texts are padded to full length, so that all batches have the same length.
        batch |= {name: each for name, each in read.items() if is_text(each)}
        for name in inputs:
            if name not in batch:
                raise InputError(
                    f"adapt: the run's model needs the input '{name}', which the "
                    f"{type(data).__name__} do not have"
                )
        parts.append([*(batch[name] for name in inputs), batch[new.name]])
    *found, target = [joined_rows(each) for each in zip(*parts, strict=True)]
    return Samples(found, target)


def drawable(new: NewTask, samples: BatchDataset) -> Tensor:
    """Targets of all samples; for maps, which may be large, a 0 for each labelled sample.

    Args:
        new: the task and its data.
        samples: a split of the data.

    Returns:
        Targets as accepted by `multitask.few_shot.draw_support`.
    """
    found = []
    for places in torch.arange(len(samples)).split(CHUNK):
        target = as_tasks_see(samples.targets[new.name][places])
        if target.ndim > 2:
            target = torch.where(new.task.known(target), 0.0, torch.nan)
        found.append(target)
    return torch.cat(found)


def labelled(targets: Tensor) -> Tensor:
    """Whether each sample has at least one label, ``[samples]``, bool.

    Args:
        targets: see `drawable`.
    """
    return known_numbers(targets).reshape(len(targets), -1).any(1)
