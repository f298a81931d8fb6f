"""A head's raw outputs: a tensor, or a dictionary of tensors if a task needs several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from multitask.missing_labels import joined_rows

Output = Tensor | dict[str, Tensor]


def each_tensor(output: Output, change: Callable[[Tensor], Tensor]) -> Output:
    """Apply a function to an output's tensor, or to each of its tensors."""
    if isinstance(output, dict):
        return {name: change(value) for name, value in output.items()}
    return change(output)


def in_full_precision(output: Output) -> Output:
    """Turn half precision into float32, and leave double precision as it is."""
    return each_tensor(output, _at_least_single)


def rows_of(output: Output, rows: Tensor | slice) -> Output:
    """Select samples.

    Args:
        output: first axis ``[batch]``.
        rows: indices, a mask, or a slice.
    """
    return each_tensor(output, lambda values: values[rows])


def joined(outputs: Sequence[Output]) -> Output:
    """Join batches of outputs along the first axis, ``[batch]``, see `labels.joined_rows`."""
    first = outputs[0]
    if isinstance(first, dict):
        return {name: joined_rows([each[name] for each in outputs]) for name in first}  # type: ignore[index]
    return joined_rows(outputs)  # type: ignore[arg-type]


def count_numbers(output: Output) -> int:
    """Count the numbers in an output."""
    tensors = output.values() if isinstance(output, dict) else [output]
    return sum(each.numel() for each in tensors)


def _at_least_single(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
