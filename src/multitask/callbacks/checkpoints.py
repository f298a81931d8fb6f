"""The two checkpoints of a run: its best and its last."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


class BestCheckpoint(ModelCheckpoint):
    """Keeps ``best.ckpt``, by default by the highest ``val/score``.

    Args:
        folder: where the checkpoint goes.
        monitor: the validation metric that chooses it.
        higher_is_better: of that metric.
    """

    def __init__(
        self, folder: Path, monitor: str = "val/score", higher_is_better: bool = True
    ) -> None:
        super().__init__(
            folder,
            filename="best",
            monitor=monitor,
            mode="max" if higher_is_better else "min",
            # At once after each validation; the score is stale at the end of other epochs.
            save_on_train_epoch_end=False,
            enable_version_counter=False,
        )
        self.path = str(folder.absolute() / "best.ckpt")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the best score also where the run's folder was moved, so as not to lose it."""
        if not Path(self.path).exists():
            # The best one is not in this folder.
            return
        paths = {"best_model_path": self.path, "kth_best_model_path": self.path}
        best = {self.path: state_dict["best_model_score"]}
        moved = {**paths, "dirpath": self.dirpath, "best_k_models": best, "last_model_path": ""}
        super().load_state_dict({**state_dict, **moved})


class LastCheckpoint(ModelCheckpoint):
    """Keeps ``last.ckpt``, to resume from, and ``last-1.ckpt`` and so on, which were it before.

    It is written at the end of each training epoch, and after each validation in the middle of
    one. A validation between two optimizer steps, where gradients are accumulated that no
    checkpoint holds, is followed by a checkpoint at the next step.

    Args:
        folder: where the checkpoint goes.
        keep: how many are kept, the last one included.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        super().__init__(
            folder, filename="last", save_on_train_epoch_end=True, enable_version_counter=False
        )
        self.keep = keep
        self._is_due = False
        self._is_ours = False
        self.path = str(folder.absolute() / "last.ckpt")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Know the last checkpoint where the run's folder was moved."""
        moved: dict[str, Any] = {
            "dirpath": self.dirpath,
            "best_k_models": {},
            "last_model_path": "",
        }
        super().load_state_dict({**state_dict, **moved, "best_model_path": self.path})

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Save what a validation between two steps left to do."""
        if self._is_due and not _is_accumulating(trainer) and not _is_validation_next(trainer):
            self.save_now(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save in the middle of an epoch; its end is not complete before the training metrics."""
        if _is_accumulating(trainer):
            self._is_due = True
        else:
            self.save_now(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save at the end of an epoch."""
        self._is_due = False
        super().on_train_epoch_end(trainer, pl_module)

    def save_now(self, trainer: Trainer) -> None:
        """Save in the middle of an epoch; nothing happens at its end, which saves by itself."""
        if trainer.is_last_batch or self._should_skip_saving_checkpoint(trainer):
            return
        self._is_due = False
        self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))

    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        last = Path(filepath)
        # A checkpoint that this run has not gone on from may be damaged.
        if trainer.is_global_zero and last.is_file() and (self._is_ours or _is_from(trainer, last)):
            _keep_before(last, self.keep)
        super()._save_checkpoint(trainer, filepath)
        self._is_ours = True


def _is_from(trainer: Trainer, last: Path) -> bool:
    given = trainer.ckpt_path
    return given is not None and Path(given).resolve() == last.resolve()


def _keep_before(last: Path, keep: int) -> None:
    """Number the checkpoints from before, so that no moment is without a whole last one."""
    numbered = [last, *(last.with_stem(f"{last.stem}-{age}") for age in range(1, keep))]
    for older, newer in zip(numbered[:1:-1], numbered[-2:0:-1], strict=True):
        if newer.is_file():
            newer.replace(older)
    if keep > 1:
        part = last.with_suffix(".before")
        part.unlink(missing_ok=True)
        try:
            os.link(last, part)
        except OSError:
            # Not every file system has links.
            shutil.copyfile(last, part)
        part.replace(numbered[1])


def is_between_steps(trainer: Trainer) -> bool:
    """Whether a checkpoint now would be whole, and nothing else is about to write one.

    Args:
        trainer: after a batch.
    """
    return not (trainer.is_last_batch or _is_accumulating(trainer) or _is_validation_next(trainer))


def _is_accumulating(trainer: Trainer) -> bool:
    return trainer.fit_loop._should_accumulate()


def _is_validation_next(trainer: Trainer) -> bool:
    fetcher = trainer.fit_loop._data_fetcher
    return fetcher is not None and trainer.fit_loop.epoch_loop._should_check_val_fx(fetcher)
