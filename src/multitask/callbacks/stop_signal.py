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
    """Stops training when a process gets SIGTERM, as schedulers send before they take a machine.

    SIGHUP, which the system sends when a terminal is closed, is the same, unless ``nohup`` has the
    program live on without one.

    Lightning's own handler speaks to the other processes at once, wherever they are, and may so
    wait for them forever. Here the handler only takes note; the processes compare notes between
    batches.
    """

    def __init__(self) -> None:
        self.is_received = False
        self._group: Any = None
        self._asked: tuple[Any, torch.Tensor] | None = None
        self._is_agreed = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the place of Lightning's handler; at the end it puts back what was there before."""
        self._begin()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the place of Lightning's handler."""
        self._begin()

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop; there is nothing to save."""
        if self._all_agree():
            raise SIGTERMException

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop where the epoch before has just been saved."""
        if self._all_agree() and trainer.current_epoch > 0:
            raise SIGTERMException

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Save and stop, unless the epoch's end or a validation is about to save anyway."""
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
            # Notes are compared on the CPU, so that no GPU has to wait for them.
            self._group = dist.new_group(backend="gloo")

    def _take_note(self, *_: object) -> None:
        self.is_received = True

    def _all_agree(self) -> bool:
        """Whether any process has got the signal; the answer of several is one batch old."""
        if world_size() == 1:
            return self.is_received
        if self._asked is not None:
            handle, answer = self._asked
            handle.wait()
            self._is_agreed |= bool(answer.item())
        note = torch.tensor([int(self.is_received)])
        self._asked = dist.all_reduce(note, dist.ReduceOp.MAX, self._group, async_op=True), note
        return self._is_agreed
