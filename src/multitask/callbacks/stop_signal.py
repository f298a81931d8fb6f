"""SIGTERM or SIGHUP: all processes stop after the same batch, with a checkpoint."""

from __future__ import annotations

import signal
import threading
from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.exceptions import SIGTERMException

from multitask.callbacks.checkpoints import LastCheckpoint, is_between_steps
from multitask.distributed import world_size


class StopSignal(Callback):
    """Stop training on SIGTERM, which schedulers send before they reclaim a machine.

    SIGHUP, which the system sends when a terminal is closed, has the same effect, unless the
    program runs under ``nohup``.

    Lightning's own handler communicates with the other processes immediately, wherever they are,
    and may therefore wait forever. Here the handler only sets a flag, and the processes compare
    their flags between batches.
    """

    def __init__(self) -> None:
        self.is_received = False
        self._group: Any = None
        self._asked: tuple[Any, torch.Tensor] | None = None
        self._is_agreed = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace Lightning's handler; at the end, Lightning restores the earlier one."""
        self._begin()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace Lightning's handler."""
        self._begin()

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop; there is nothing to save."""
        if self._all_agree():
            raise SIGTERMException

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop if the previous epoch has just been saved."""
        if self._all_agree() and trainer.current_epoch > 0:
            raise SIGTERMException

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Save and stop, unless the end of the epoch or a validation is about to save anyway."""
        if self._all_agree() and is_between_steps(trainer):
            for callback in trainer.checkpoint_callbacks:
                if isinstance(callback, LastCheckpoint):
                    callback.save_now(trainer)
            raise SIGTERMException

    def _begin(self) -> None:
        self.is_received, self._asked, self._is_agreed = False, None, False
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._take_note)
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
                signal.signal(signal.SIGHUP, self._take_note)
        if world_size() > 1:
            # The flags are compared on the CPU, so that no GPU has to wait.
            self._group = dist.new_group(backend="gloo")

    def _take_note(self, *_: object) -> None:
        self.is_received = True

    def _all_agree(self) -> bool:
        """Whether any process got the signal; several processes answer one batch late."""
        if world_size() == 1:
            return self.is_received
        if self._asked is not None:
            handle, answer = self._asked
            handle.wait()
            self._is_agreed |= bool(answer.item())
        note = torch.tensor([int(self.is_received)])
        self._asked = dist.all_reduce(note, dist.ReduceOp.MAX, self._group, async_op=True), note
        return self._is_agreed
