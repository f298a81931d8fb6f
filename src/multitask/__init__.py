"""One model, several tasks: multi-task learning on PyTorch Lightning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multitask.errors import InputError

if TYPE_CHECKING:
    from multitask.after.loading import load
    from multitask.module import MultiTask

__all__ = ["InputError", "MultiTask", "load"]


def __getattr__(name: str) -> Any:
    # Imported only on access: with PyTorch it takes seconds, which help does not need to wait for,
    # and during which the program could not handle an interrupt yet.
    if name == "MultiTask":
        from multitask.module import MultiTask

        return MultiTask
    if name == "load":
        from multitask.after.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
