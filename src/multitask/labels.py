"""What a missing target or input looks like: the one place that knows it.

A floating target is NaN where it is missing, a class number is -100, as in
``torch.nn.CrossEntropyLoss``. Class numbers that are kept as bytes (uint8), as maps of classes are
on a disk and on their way to a device, have 255 where one is missing; `unpacked` turns them into
class numbers.

A missing image, or row of numbers, is NaN altogether. A missing text has none but special tokens.
Texts of a batch end at the longest, so places of other texts, and of other batches that are joined
to it, hold nothing: what stands there is known here too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from multitask.tokenizers import END, is_text

MISSING_CLASS = -100
MISSING_BYTE = 255
NO_TOKEN = -65504.0
"""Raw outputs of all classes at a place that holds no token; half precision has no lower number."""
BOX = 5
"""Numbers of one of several boxes: its class, or -1 for none, and four sides."""


def known(targets: Tensor) -> Tensor:
    """Tell which entries are known.

    Args:
        targets: any shape; floating, class numbers (int64) or bytes of class numbers (uint8).

    Returns:
        Mask of the same shape, bool; all true for other types, which have no mark for a missing
        entry.
    """
    if targets.is_floating_point():
        return targets.isfinite()
    mark = missing_mark(targets.dtype)
    return torch.ones_like(targets, dtype=torch.bool) if mark is None else targets != mark


def known_samples(targets: Tensor) -> Tensor:
    """Tell which samples have at least one known entry.

    Args:
        targets: first axis ``[samples]``, see `known`.

    Returns:
        Mask, shape ``[samples]``, bool.
    """
    mask = known(targets)
    return mask.flatten(1).any(1) if mask.ndim > 1 else mask


def is_missing(values: Tensor) -> Tensor:
    """Tell which samples lack an input.

    Args:
        values: the input of some samples, first axis ``[samples]``.

    Returns:
        Mask, shape ``[samples]``, bool.
    """
    if is_text(values):
        # Which tokens are special differs between tokenizers, but for the first. Counted, as a
        # graph for texts of any length cannot leave out the first place.
        return (values != END).sum(1) <= 1
    if values.is_floating_point():
        return values.flatten(1).isnan().all(1)
    return torch.zeros(len(values), dtype=torch.bool, device=values.device)


def missing_mark(dtype: torch.dtype) -> float | int | None:
    """What marks an entry of a type as missing; None if nothing can.

    Args:
        dtype: of the targets.
    """
    if dtype.is_floating_point:
        return float("nan")
    return {torch.int64: MISSING_CLASS, torch.uint8: MISSING_BYTE}.get(dtype)


def missing_like(targets: Tensor, shape: Sequence[int] | None = None) -> Tensor:
    """Targets of which none is known.

    Args:
        targets: give the type and the device; see `known`.
        shape: of the result; that of ``targets`` if not given.

    Raises:
        ValueError: if entries of that type cannot be marked as missing.
    """
    mark = missing_mark(targets.dtype)
    if mark is None:
        raise ValueError(f"targets of {targets.dtype} cannot be marked as missing")
    return targets.new_full(tuple(targets.shape if shape is None else shape), mark)


def are_box_lists(targets: Tensor) -> bool:
    """Tell lists of boxes, floating and ``[samples, boxes, 5]``, from maps."""
    return targets.ndim == 3 and targets.shape[2] == BOX and targets.is_floating_point()


def unpacked(targets: Tensor) -> Tensor:
    """Turn bytes of class numbers into class numbers, int64; leave other targets as they are."""
    if targets.dtype != torch.uint8:
        return targets
    return torch.where(targets == MISSING_BYTE, MISSING_CLASS, targets.long())


def joined_rows(parts: Sequence[Tensor]) -> Tensor:
    """Join batches along the first axis, whose texts may end at different places.

    Args:
        parts: first axis ``[batch]``; the last may differ, if it is that of places of a text.

    Returns:
        First axis ``[samples]``, the last that of the longest; what fills the others is -1 for a
        text (int32), missing for class numbers (int64), and `NO_TOKEN` for raw outputs (floating).
    """
    lengths = {each.shape[-1] for each in parts if each.ndim > 1}
    if len(lengths) < 2:
        return torch.cat(list(parts))
    first, longest = parts[0], max(lengths)
    mark = {torch.int32: END, torch.int64: MISSING_CLASS}.get(first.dtype, NO_TOKEN)
    return torch.cat([pad(each, (0, longest - each.shape[-1]), value=mark) for each in parts])
