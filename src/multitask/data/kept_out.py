"""Training samples that are held out of training as meta data for learning how to train."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.data.rows import Rows
from multitask.data.split_check import META, SPLIT_NAMES
from multitask.data.targets import Targets, example
from multitask.errors import InputError
from multitask.missing_labels import known_samples
from multitask.pages.words import listed

if TYPE_CHECKING:
    from multitask.data.base import DataModule

CHUNK, MOST_NUMBERS = 1024, 2**22
"""Number of targets, and of values in them, that are read at a time to find known ones."""
FEWEST = 2
"""Samples of a batch that each process needs for batch normalisation statistics."""


def with_meta(data: DataModule, splits: dict[str, BatchDataset]) -> dict[str, BatchDataset]:
    """Add the samples that are held out of training as an additional split.

    Args:
        data: the data set that loaded the splits; its ``names``, ``groups`` and ``texts`` are
            adapted to both parts.
        splits: the splits by name.

    Raises:
        InputError: if the fraction ``meta`` cannot be held out.
    """
    if data.meta is None or data.divides_meta:
        return splits
    if META in splits:
        raise InputError(
            f"data.init_args.meta is {data.meta:g}, but {type(data).__name__}.load() returns a "
            "split 'meta' already; remove meta"
        )
    # Groups and classes are requested from the data as they were loaded.
    data.splits = splits
    try:
        places = dict(zip(("train", META), data.keep_out(data.meta), strict=True))
    except InputError as error:
        raise InputError(f"data.init_args.meta: {error}") from error
    finally:
        data.splits = {}
    for name in ("names", "groups", "texts"):
        setattr(data, name, _of_parts(getattr(data, name), places))
    train = splits["train"]
    return splits | {split: Rows(train, each) for split, each in places.items()}


def keep_out(groups: Sequence[Hashable], share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Hold out whole groups of samples at random.

    Args:
        groups: the group of each sample; a unique group for a sample without one.
        share: fraction of the groups to hold out, between 0 and 1.
        seed: the same seed holds out the same groups.

    Returns:
        The indices of the remaining and of the held-out samples, each int64 and ascending.

    Raises:
        InputError: if no group would be held out, or none would remain.
    """
    numbers: dict[Hashable, int] = {}
    own = torch.tensor([numbers.setdefault(each, len(numbers)) for each in groups])
    size = len(numbers)
    count = round(share * size)
    if not 0 < count < size:
        what = "training samples" if size == len(own) else "groups of training samples"
        right = "give a smaller share" if count else f"give {1 / size:.2g} or more"
        raise InputError(
            f"a share of {share:g} of {size} {what} is {count}, but at least 1 must be held out "
            f"and 1 must remain; {right if size > 1 else 'give more samples, or remove meta'}"
        )
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    is_out = torch.zeros(size, dtype=torch.bool)
    is_out[order[:count]] = True
    return (~is_out[own]).nonzero().flatten(), is_out[own].nonzero().flatten()


def rows_with_labels(
    samples: BatchDataset,
    split: str,
    tasks: Sequence[str],
    processes: int,
    cure: str,
) -> Tensor:
    """Find the usable samples of a held-out split.

    Args:
        samples: the samples of the split.
        split: name of the split.
        tasks: a sample needs a label of at least one of these tasks; any sample if empty.
        processes: number of processes among which batches are divided.
        cure: advice if there are too few samples.

    Returns:
        Their indices, shape ``[rows]``, int64.

    Raises:
        InputError: if there are too few samples for a batch.
    """
    masks = [has_label(samples.targets[task]) for task in tasks]
    is_known = torch.stack(masks).any(0) if masks else torch.ones(len(samples))
    rows = is_known.nonzero().flatten()
    if len(rows) < FEWEST * processes:
        quoted = listed([f"'{task}'" for task in tasks], word="or")
        samples_of = f"sample{'s' * (len(rows) != 1)}{' with a label of ' * bool(tasks)}{quoted}"
        raise InputError(
            f"the {SPLIT_NAMES[split]} set has {len(rows)} {samples_of}, but a batch needs at "
            f"least {FEWEST} for each process; {cure}"
        )
    return rows


def has_label(targets: Targets) -> Tensor:
    """Return which samples have a known entry, shape ``[samples]``, bool."""
    # All targets, a few at a time, because batches depend on each.
    size = example(targets).numel() if len(targets) else 1
    places = torch.arange(len(targets)).split(min(CHUNK, MOST_NUMBERS // max(size, 1) + 1))
    return torch.cat([known_samples(targets[each]) for each in places])


def _of_parts(describe: Callable[[str], Any], places: Mapping[str, Tensor]) -> Callable[[str], Any]:
    """Adapt a data set's description of the loaded training samples to their parts."""

    def of_part(split: str) -> Any:
        if split not in places:
            return describe(split)
        found, at = describe("train"), places[split].tolist()
        if isinstance(found, tuple):
            what, values = found
            return what, [values[place] for place in at]
        if isinstance(found, dict):
            return {name: [values[place] for place in at] for name, values in found.items()}
        return None if found is None else [found[place] for place in at]

    return of_part
