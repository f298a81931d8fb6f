"""One model, several tasks: multi-task learning on PyTorch Lightning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multitask.errors import InputError

if TYPE_CHECKING:
    from multitask.after.loading import load
    from multitask.module import MultiTask

__all__ = ["InputError", "MultiTask", "load"]


def __getattr__(name: str) -> Any:
    # Not before it is asked for: with PyTorch it takes seconds, which help need not wait for, and
    # in which an interrupt would come before the program could tell of it.
    if name == "MultiTask":
        from multitask.module import MultiTask

        return MultiTask
    if name == "load":
        from multitask.after.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
