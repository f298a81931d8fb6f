"""The representation of missing targets and inputs, which is defined only here.

A floating target is NaN if it is missing, and a class number is -100, as in
``torch.nn.CrossEntropyLoss``. Class numbers that are stored as bytes (uint8), such as maps of
classes on disk and in transfers to a device, are 255 if missing; `unpacked` converts them to class
numbers.

A missing image, or row of numbers, is NaN in all entries. A missing text contains only special
tokens. Texts of a batch are padded to the longest, so places after the end of other texts, and of
texts of joined batches, are empty; their values are defined here too.
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
"""Raw outputs of all classes at a place without a token; half precision has no lower number."""
BOX = 5
"""Number of values of one of several boxes: its class, or -1 for none, and four sides."""


def known(targets: Tensor) -> Tensor:
    """Find the known entries.

    Args:
        targets: any shape; floating, class numbers (int64) or bytes of class numbers (uint8).

    Returns:
        Mask of the same shape, bool; all true for other types, which cannot mark a missing entry.
    """
    if targets.is_floating_point():
        return targets.isfinite()
    mark = missing_mark(targets.dtype)
    return torch.ones_like(targets, dtype=torch.bool) if mark is None else targets != mark


def known_samples(targets: Tensor) -> Tensor:
    """Find the samples that have at least one known entry.

    Args:
        targets: first axis ``[samples]``, see `known`.

    Returns:
        Mask, shape ``[samples]``, bool.
    """
    mask = known(targets)
    return mask.flatten(1).any(1) if mask.ndim > 1 else mask


def is_missing(values: Tensor) -> Tensor:
    """Find the samples that lack an input.

    Args:
        values: the input of some samples, first axis ``[samples]``.

    Returns:
        Mask, shape ``[samples]``, bool.
    """
    if is_text(values):
        # Except for the first, special tokens differ between tokenizers. Counted, since a graph for
        # texts of any length cannot exclude the first place.
        return (values != END).sum(1) <= 1
    if values.is_floating_point():
        return values.flatten(1).isnan().all(1)
    return torch.zeros(len(values), dtype=torch.bool, device=values.device)


def missing_mark(dtype: torch.dtype) -> float | int | None:
    """The value that marks a missing entry of a type; None if there is none.

    Args:
        dtype: dtype of the targets.
    """
    if dtype.is_floating_point:
        return float("nan")
    return {torch.int64: MISSING_CLASS, torch.uint8: MISSING_BYTE}.get(dtype)


def missing_like(targets: Tensor, shape: Sequence[int] | None = None) -> Tensor:
    """Targets that are all missing.

    Args:
        targets: define the dtype and the device; see `known`.
        shape: shape of the result; default: that of ``targets``.

    Raises:
        ValueError: if entries of that type cannot be marked as missing.
    """
    mark = missing_mark(targets.dtype)
    if mark is None:
        raise ValueError(f"targets of {targets.dtype} cannot be marked as missing")
    return targets.new_full(tuple(targets.shape if shape is None else shape), mark)


def are_box_lists(targets: Tensor) -> bool:
    """Distinguish lists of boxes, floating and ``[samples, boxes, 5]``, from maps."""
    return targets.ndim == 3 and targets.shape[2] == BOX and targets.is_floating_point()


def unpacked(targets: Tensor) -> Tensor:
    """Convert bytes of class numbers to class numbers, int64; return other targets unchanged."""
    if targets.dtype != torch.uint8:
        return targets
    return torch.where(targets == MISSING_BYTE, MISSING_CLASS, targets.long())


def joined_rows(parts: Sequence[Tensor]) -> Tensor:
    """Join batches of texts of different lengths along the first axis.

    Args:
        parts: first axis ``[batch]``; the last axis may differ, if it is that of places of a text.

    Returns:
        First axis ``[samples]``, last axis that of the longest. The others are padded with -1 for a
        text (int32), missing for class numbers (int64), and `NO_TOKEN` for raw outputs (floating).
    """
    lengths = {each.shape[-1] for each in parts if each.ndim > 1}
    if len(lengths) < 2:
        return torch.cat(list(parts))
    first, longest = parts[0], max(lengths)
    mark = {torch.int32: END, torch.int64: MISSING_CLASS}.get(first.dtype, NO_TOKEN)
    return torch.cat([pad(each, (0, longest - each.shape[-1]), value=mark) for each in parts])
