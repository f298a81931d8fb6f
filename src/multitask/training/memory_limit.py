"""A limit on the size of a model's tensors: the memory of the machine."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from multitask.errors import InputError

MAKERS = (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn)
"""Functions that create parameters and buffers."""


class MemoryLimit(TorchFunctionMode):
    """A context in which a tensor that does not fit into memory is rejected before allocation.

    The system may promise memory that it does not have, and kill the process when it is used.

    Raises:
        InputError: reports the tensor's shape.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        arguments: Sequence[Any] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        """Check an allocation; see `TorchFunctionMode`."""
        options = options or {}
        if function in MAKERS and str(options.get("device")) != "meta":
            _check(_shape(arguments, options), options.get("dtype") or torch.get_default_dtype())
        return function(*arguments, **options)


def memory() -> int:
    """Number of bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _shape(arguments: Sequence[Any], options: Mapping[str, Any]) -> list[int]:
    given = options.get("size", arguments)
    if given and isinstance(given[0], list | tuple):
        given = given[0]
    return [each for each in given if isinstance(each, int)]


def _check(shape: list[int], dtype: torch.dtype) -> None:
    needed = math.prod(shape) * dtype.itemsize
    if needed > memory():
        size = " x ".join(map(str, shape))
        raise InputError(
            f"the model would have a tensor of {size} numbers, which is {needed / 2**30:,.0f} GiB, "
            f"but this machine has {memory() / 2**30:,.0f} GiB of memory; make the model smaller"
        )
