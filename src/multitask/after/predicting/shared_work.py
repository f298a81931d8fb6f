"""Processes, started by torchrun, that divide work among themselves."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta

import torch.distributed as dist

from multitask.errors import InputError

PATIENCE = timedelta(days=30)
"""Longest time that one may work after another has finished."""


class SharedWork:
    """This process's rank among those that share the work; a single process is the first of one."""

    def __init__(self) -> None:
        is_shared = "TORCHELASTIC_RUN_ID" in os.environ
        self.rank = int(os.environ["RANK"]) if is_shared else 0
        self.size = int(os.environ["WORLD_SIZE"]) if is_shared else 1
        self.local_rank = int(os.environ["LOCAL_RANK"]) if is_shared else 0

    @property
    def is_first(self) -> bool:
        """Whether this process reports and writes for all."""
        return self.rank == 0

    def meet(self) -> None:
        """Connect to the others, before any step that one of them may reject."""
        if self.size > 1 and not dist.is_initialized():
            dist.init_process_group("gloo", timeout=PATIENCE)

    def first(self, work: Callable[[], None]) -> None:
        """Let the first process do some work while the others wait for it.

        Args:
            work: function to call.

        Raises:
            InputError: in all processes, if the first one raises it.
            SystemExit: if another process has ended.
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
            SystemExit: if another process has ended, which has reported why.
        """
        if self.size > 1:
            self._together(dist.barrier)

    def leave(self) -> None:
        """Disconnect from the others."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def _together(self, work: Callable[[], object]) -> None:
        try:
            work()
        except RuntimeError as error:
            raise SystemExit(1) from error
