"""The splits of several sources as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from multitask.data.dataset import Batch, BatchDataset
from multitask.errors import InputError
from multitask.labels import missing_like, missing_mark

FIRST = torch.tensor([0])
SOURCE = "@source"
"""Key of a batch for the places of its samples' sources, which no task can have."""


@dataclass(frozen=True)
class ImageKind:
    """What images are like.

    Args:
        shape: ``[channels, height, width]``.
        dtype: uint8 or a floating type.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype


class Joined(BatchDataset):
    """The samples of several sources, one source after the other.

    A batch also holds ``@source`` ``[batch]``, int64: the place of each sample's source.

    Args:
        parts: a split of each source.
        targets: of all samples, see `joined_targets`.
        kind: what the joined images are like, see `common_kind`.
    """

    def __init__(
        self, parts: Sequence[BatchDataset], targets: Mapping[str, Tensor], kind: ImageKind
    ) -> None:
        super().__init__(targets)
        self.parts, self.kind = list(parts), kind
        self.starts = list(accumulate(map(len, parts), initial=0))

    def __len__(self) -> int:
        return self.starts[-1]

    def images(self, indices: Tensor) -> Tensor:
        found = torch.empty(len(indices), *self.kind.shape, dtype=self.kind.dtype)
        source = self.source(indices)
        # A source need not know how to read no image at all.
        for place in source.unique().tolist():
            own = (source == place).nonzero().flatten()
            images = self.parts[place].images(indices[own] - self.starts[place])
            found[own] = _as_dtype(images, self.kind.dtype)
        return found

    def source(self, indices: Tensor) -> Tensor:
        """The place of each sample's source, shape ``[batch]``, int64."""
        return torch.searchsorted(torch.tensor(self.starts[1:]), indices, right=True)

    def __getitem__(self, indices: Tensor) -> Batch:
        return {**super().__getitem__(indices), SOURCE: self.source(indices)}


def common_kind(sources: Mapping[str, Mapping[str, BatchDataset]]) -> ImageKind:
    """What the images of several sources are like when they are joined.

    Args:
        sources: each source's splits, by its name.

    Returns:
        Their shape, and uint8 where all are, else a floating type, in which uint8 is from 0 to 1.

    Raises:
        InputError: if two differ in shape.
    """
    kinds = {
        f"source '{name}', split '{split}'": _kind(samples)
        for name, splits in sources.items()
        for split, samples in splits.items()
    }
    (first, one), *others = kinds.items()
    for name, other in others:
        if other.shape != one.shape:
            raise InputError(
                f"sources: the images of {first} have the shape {list(one.shape)}, those of {name} "
                f"{list(other.shape)}; a batch mixes the sources, so give all one number of "
                "channels, height and width, by each source's own settings (such as its "
                "image_size)"
            )
    dtypes = {kind.dtype for kind in kinds.values()}
    if dtypes == {torch.uint8}:
        return one
    dtype = torch.float32 if torch.uint8 in dtypes else one.dtype
    for each in dtypes - {torch.uint8}:
        dtype = torch.promote_types(dtype, each)
    return ImageKind(one.shape, dtype)


def joined_targets(
    sources: Mapping[str, Mapping[str, BatchDataset]],
) -> dict[str, dict[str, Tensor]]:
    """Join the sources' targets; a source without a task has none of its labels.

    Args:
        sources: each source's splits, by its name.

    Returns:
        By split and task, the targets of all samples, one source after the other.

    Raises:
        InputError: if two sources disagree about a task.
    """
    likes = _targets_like(sources)
    joined: dict[str, dict[str, Tensor]] = {}
    for split in next(iter(sources.values())):
        parts = [splits[split] for splits in sources.values()]
        joined[split] = {
            task: torch.cat([_known_or_missing(part, task, like) for part in parts])
            for task, like in likes.items()
        }
    return joined


def _targets_like(sources: Mapping[str, Mapping[str, BatchDataset]]) -> dict[str, Tensor]:
    found: dict[str, tuple[str, Tensor]] = {}
    for name, splits in sources.items():
        for samples in splits.values():
            for task, targets in samples.targets.items():
                owner, like = found.setdefault(task, (name, targets[:0]))
                if (targets.dtype, targets.shape[1:]) != (like.dtype, like.shape[1:]):
                    raise InputError(
                        f"sources: a target of task '{task}' is {_described(like)} in source "
                        f"'{owner}' and {_described(targets)} in source '{name}'; give both one "
                        "type and shape, or other names"
                    )
    return {task: like for task, (_, like) in found.items()}


def _known_or_missing(part: BatchDataset, task: str, like: Tensor) -> Tensor:
    if task in part.targets:
        return part.targets[task]
    if missing_mark(like.dtype) is None:
        raise InputError(
            f"sources: task '{task}' is not in every source, and targets of {like.dtype} cannot be "
            "marked as missing; give class numbers as int64, or floats"
        )
    return missing_like(like, (len(part), *like.shape[1:]))


def _described(targets: Tensor) -> str:
    shape = f" of shape {list(targets.shape[1:])}" if targets.ndim > 1 else ""
    return f"{str(targets.dtype).removeprefix('torch.')}{shape}"


def _kind(samples: BatchDataset) -> ImageKind:
    image = samples.images(FIRST)
    return ImageKind(tuple(image.shape[1:]), image.dtype)


def _as_dtype(images: Tensor, dtype: torch.dtype) -> Tensor:
    if images.dtype == torch.uint8 and dtype != torch.uint8:
        return images.to(dtype) / 255
    return images
