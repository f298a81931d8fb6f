"""The order in which jsonargparse tries the types of a union."""

from __future__ import annotations

from types import UnionType
from typing import Any, Union, get_args, get_origin

from jsonargparse import _typehints

_sorted_unions = _typehints.sort_unions_in_typehint


def read_whole_numbers_first() -> None:
    """Let a union try to read a whole number before a decimal one.

    Python keeps one object for ``Union[int, float]`` and ``Union[float, int]``: whichever a library
    writes first. With the second, 1 is read as 1.0, which is all batches of an epoch rather than
    one in ``trainer.limit_train_batches``.
    """
    # The parser sorts types by what they accept when an argument is added.
    _typehints.sort_unions_in_typehint = _whole_numbers_first


def _whole_numbers_first(annotation: Any) -> Any:
    annotation = _sorted_unions(annotation)
    kinds = list(get_args(annotation))
    if get_origin(annotation) not in (Union, UnionType) or int not in kinds or float not in kinds:
        return annotation
    decimal, whole = kinds.index(float), kinds.index(int)
    if whole < decimal:
        return annotation
    kinds[decimal], kinds[whole] = int, float
    return _typehints.rebuild_typehint_args(annotation, tuple(kinds))
