"""Several processes that share work, each a part of it: those that torchrun has started."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta

import torch.distributed as dist

from multitask.errors import InputError

PATIENCE = timedelta(days=30)
"""How long one may work after another has finished."""


class SharedWork:
    """This process's place among those that share the work; a process alone is the first of one."""

    def __init__(self) -> None:
        is_shared = "TORCHELASTIC_RUN_ID" in os.environ
        self.rank = int(os.environ["RANK"]) if is_shared else 0
        self.size = int(os.environ["WORLD_SIZE"]) if is_shared else 1
        self.local_rank = int(os.environ["LOCAL_RANK"]) if is_shared else 0

    @property
    def is_first(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0

    def meet(self) -> None:
        """Meet the others, before anything that one of them may refuse."""
        if self.size > 1 and not dist.is_initialized():
            dist.init_process_group("gloo", timeout=PATIENCE)

    def first(self, work: Callable[[], None]) -> None:
        """Let the first process do something, while the others wait for it.

        Args:
            work: what it does.

        Raises:
            InputError: in all of them, if the first one raises it.
            SystemExit: if another one has ended.
        """
        refusal: list[str | None] = [None]
        if self.is_first:
            try:
                work()
            except InputError as error:
                refusal = [str(error)]
        if self.size > 1:
            self._together(lambda: dist.broadcast_object_list(refusal, 0))
        if refusal[0] is not None:
            raise InputError(refusal[0])

    def wait(self) -> None:
        """Wait for the others.

        Raises:
            SystemExit: if another one has ended, which has said why.
        """
        if self.size > 1:
            self._together(dist.barrier)

    def leave(self) -> None:
        """Part from the others."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def _together(self, work: Callable[[], object]) -> None:
        try:
            work()
        except RuntimeError as error:
            raise SystemExit(1) from error
