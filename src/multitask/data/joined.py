"""Splits of several sources joined into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate

import torch
from torch import Tensor

from multitask.data.dataset import Batch, BatchDataset
from multitask.data.fingerprints import Fingerprints
from multitask.data.fingerprints import joined as joined_fingerprints
from multitask.data.targets import Targets, example, joined
from multitask.errors import InputError
from multitask.missing_labels import missing_like, missing_mark

FIRST = torch.tensor([0])
SOURCE = "@source"
"""Batch key of the sources of samples, which is not a valid task name."""


@dataclass(frozen=True)
class InputKind:
    """Shape and dtype of an input.

    Args:
        shape: shape of one sample, such as ``[channels, height, width]``.
        dtype: dtype of the values.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype


class Joined(BatchDataset):
    """The concatenated samples of several sources.

    A batch also holds ``@source`` ``[batch]``, int64: the index of each sample's source.

    Args:
        parts: a split of each source.
        targets: targets of all samples, see `joined_targets`.
        kinds: kinds of the joined inputs by name, see `common_kinds`.
    """

    def __init__(
        self,
        parts: Sequence[BatchDataset],
        targets: Mapping[str, Targets],
        kinds: Mapping[str, InputKind],
    ) -> None:
        super().__init__(targets)
        self.parts, self.kinds = list(parts), dict(kinds)
        self.starts = list(accumulate(map(len, parts), initial=0))

    def __len__(self) -> int:
        return self.starts[-1]

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        count = len(indices)
        found = {
            name: torch.empty(count, *kind.shape, dtype=kind.dtype)
            for name, kind in self.kinds.items()
        }
        source = self.source(indices)
        # A source need not support reading zero samples.
        for place in source.unique().tolist():
            own = (source == place).nonzero().flatten()
            inputs = self.parts[place].inputs(indices[own] - self.starts[place])
            for name, kind in self.kinds.items():
                found[name][own] = _as_dtype(inputs[name], kind.dtype)
        return found

    def one_input(self, name: str, indices: Tensor) -> Tensor:
        kind, source = self.kinds[name], self.source(indices)
        found = torch.empty(len(indices), *kind.shape, dtype=kind.dtype)
        for place in source.unique().tolist():
            own = (source == place).nonzero().flatten()
            read = self.parts[place].one_input(name, indices[own] - self.starts[place])
            found[own] = _as_dtype(read, kind.dtype)
        return found

    def lacking(self, name: str) -> Tensor:
        return torch.cat([each.lacking(name) for each in self.parts])

    def input_fingerprints(self) -> dict[str, Fingerprints]:
        """The fingerprints of the inputs for which all sources have them."""
        known = [part.input_fingerprints() for part in self.parts]
        names = [name for name in self.kinds if all(name in each for each in known)]
        return {name: joined_fingerprints(each[name] for each in known) for name in names}

    def source(self, indices: Tensor) -> Tensor:
        """Return the index of each sample's source, shape ``[batch]``, int64."""
        return torch.searchsorted(torch.tensor(self.starts[1:]), indices, right=True)

    def __getitem__(self, indices: Tensor) -> Batch:
        return {**super().__getitem__(indices), SOURCE: self.source(indices)}


def common_kinds(sources: Mapping[str, Mapping[str, BatchDataset]]) -> dict[str, InputKind]:
    """Determine the kinds of the inputs of several sources when they are joined.

    Args:
        sources: the splits of each source, by source name.

    Returns:
        For each input, the shape, and the dtype that all sources have or can be converted to: byte
        images become floats from 0 to 1 if other images are floating.

    Raises:
        InputError: if sources have different inputs, or inputs that cannot be in one batch.
    """
    found = {
        f"source '{name}', split '{split}'": samples.inputs(FIRST)
        for name, splits in sources.items()
        for split, samples in splits.items()
    }
    first, names = next((place, list(inputs)) for place, inputs in found.items())
    for place, inputs in found.items():
        if set(inputs) != set(names):
            raise InputError(
                f"sources: the inputs of {first} are {', '.join(names)}, but those of {place} are "
                f"{', '.join(inputs)}; a batch mixes the sources, so give them the same inputs"
            )
    return {
        name: _common(name, {place: inputs[name] for place, inputs in found.items()})
        for name in names
    }


def _common(name: str, found: Mapping[str, Tensor]) -> InputKind:
    kinds = {
        place: InputKind(tuple(values.shape[1:]), values.dtype) for place, values in found.items()
    }
    (first, one), *others = kinds.items()
    is_image = name == "image"
    what = "images" if is_image else f"inputs '{name}'"
    mixes = "a batch mixes the sources, so give them"
    for place, other in others:
        if other.shape != one.shape:
            advice = (
                "number of channels, height and width, in the settings of each source (such as "
                "image_size)"
                if is_image
                else "shape"
            )
            raise InputError(
                f"sources: the {what} of {first} have shape {list(one.shape)}, but those of "
                f"{place} have shape {list(other.shape)}; {mixes} the same {advice}"
            )
        if not is_image and other.dtype.is_floating_point != one.dtype.is_floating_point:
            raise InputError(
                f"sources: the {what} of {first} are {one.dtype}, but those of {place} are "
                f"{other.dtype}; {mixes} all as floats, or all as integers"
            )
    dtypes = {kind.dtype for kind in kinds.values()}
    if is_image and len(dtypes) > 1:
        # Bytes become floats from 0 to 1.
        dtypes = {torch.float32 if dtype == torch.uint8 else dtype for dtype in dtypes}
    return InputKind(one.shape, reduce(torch.promote_types, dtypes))


def joined_targets(
    sources: Mapping[str, Mapping[str, BatchDataset]],
) -> dict[str, dict[str, Targets]]:
    """Join the sources' targets; the labels of a task that a source lacks are missing.

    Args:
        sources: the splits of each source, by source name.

    Returns:
        By split and task, the concatenated targets of all samples.

    Raises:
        InputError: if two sources disagree about a task.
    """
    likes = _targets_like(sources)
    found: dict[str, dict[str, Targets]] = {}
    for split in next(iter(sources.values())):
        parts = [splits[split] for splits in sources.values()]
        found[split] = {
            task: joined([_known_or_missing(part, task, like) for part in parts])
            for task, like in likes.items()
        }
    return found


def _targets_like(sources: Mapping[str, Mapping[str, BatchDataset]]) -> dict[str, Tensor]:
    found: dict[str, tuple[str, Tensor]] = {}
    for name, splits in sources.items():
        for samples in splits.values():
            for task, targets in samples.targets.items():
                one = example(targets)
                owner, like = found.setdefault(task, (name, one))
                if (one.dtype, one.shape) != (like.dtype, like.shape):
                    raise InputError(
                        f"sources: a target of task '{task}' is {_described(like)} in source "
                        f"'{owner}' and {_described(one)} in source '{name}'; give both the same "
                        "type and shape, or rename one"
                    )
    return {task: like for task, (_, like) in found.items()}


def _known_or_missing(part: BatchDataset, task: str, like: Tensor) -> Targets:
    if task in part.targets:
        return part.targets[task]
    if missing_mark(like.dtype) is None:
        raise InputError(
            f"sources: task '{task}' is not in every source, and targets of {like.dtype} cannot be "
            "marked as missing; give class numbers as int64, or floats"
        )
    # One missing target is expanded to all samples, which needs no memory.
    return missing_like(like).expand(len(part), *like.shape[1:])


def _described(targets: Tensor) -> str:
    shape = f" of shape {list(targets.shape[1:])}" if targets.ndim > 1 else ""
    return f"{str(targets.dtype).removeprefix('torch.')}{shape}"


def _as_dtype(values: Tensor, dtype: torch.dtype) -> Tensor:
    if values.dtype == torch.uint8 and dtype.is_floating_point:
        return values.to(dtype) / 255
    return values
