"""The two checkpoints of a run: the best and the last."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


class BestCheckpoint(ModelCheckpoint):
    """Keep ``best.ckpt``, by default the one with the highest ``val/score``.

    Args:
        folder: folder that the checkpoint is written to.
        monitor: the validation metric that selects the checkpoint.
        higher_is_better: whether a higher value of that metric is better.
    """

    def __init__(
        self, folder: Path, monitor: str = "val/score", higher_is_better: bool = True
    ) -> None:
        super().__init__(
            folder,
            filename="best",
            monitor=monitor,
            mode="max" if higher_is_better else "min",
            # Save right after each validation; at the end of other epochs the score is stale.
            save_on_train_epoch_end=False,
            enable_version_counter=False,
        )
        self.path = str(folder.absolute() / "best.ckpt")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best score even if the run's folder was moved, so that it is not lost."""
        if not Path(self.path).exists():
            # The best checkpoint is not in this folder.
            return
        paths = {"best_model_path": self.path, "kth_best_model_path": self.path}
        best = {self.path: state_dict["best_model_score"]}
        moved = {**paths, "dirpath": self.dirpath, "best_k_models": best, "last_model_path": ""}
        super().load_state_dict({**state_dict, **moved})


class LastCheckpoint(ModelCheckpoint):
    """Keep ``last.ckpt``, to resume from, and its predecessors ``last-1.ckpt`` and so on.

    The checkpoint is written at the end of each training epoch, and after each validation within an
    epoch. A validation between two optimizer steps finds accumulated gradients, which no checkpoint
    holds, so the checkpoint is written at the next step.

    Args:
        folder: folder that the checkpoint is written to.
        keep: number of checkpoints to keep, including the last one.
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
        """Find the last checkpoint even if the run's folder was moved."""
        moved: dict[str, Any] = {
            "dirpath": self.dirpath,
            "best_k_models": {},
            "last_model_path": "",
        }
        super().load_state_dict({**state_dict, **moved, "best_model_path": self.path})

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Save at the step after a validation that fell between two steps."""
        if self._is_due and not _is_accumulating(trainer) and not _is_validation_next(trainer):
            self.save_now(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save within an epoch; at its end, saving waits for the training metrics."""
        if _is_accumulating(trainer):
            self._is_due = True
        else:
            self.save_now(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save at the end of an epoch."""
        self._is_due = False
        super().on_train_epoch_end(trainer, pl_module)

    def save_now(self, trainer: Trainer) -> None:
        """Save within an epoch; at the end of an epoch, `on_train_epoch_end` saves instead."""
        if trainer.is_last_batch or self._should_skip_saving_checkpoint(trainer):
            return
        self._is_due = False
        self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))

    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        last = Path(filepath)
        # A checkpoint that this run has not resumed from may be damaged.
        if trainer.is_global_zero and last.is_file() and (self._is_ours or _is_from(trainer, last)):
            _keep_before(last, self.keep)
        super()._save_checkpoint(trainer, filepath)
        self._is_ours = True


def _is_from(trainer: Trainer, last: Path) -> bool:
    given = trainer.ckpt_path
    return given is not None and Path(given).resolve() == last.resolve()


def _keep_before(last: Path, keep: int) -> None:
    """Renumber the earlier checkpoints, so that a complete last one exists at every moment."""
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
            # Some file systems do not support links.
            shutil.copyfile(last, part)
        part.replace(numbered[1])


def is_between_steps(trainer: Trainer) -> bool:
    """Whether a checkpoint written now would be complete, and nothing else is about to write one.

    Args:
        trainer: the Trainer, after a batch.
    """
    return not (trainer.is_last_batch or _is_accumulating(trainer) or _is_validation_next(trainer))


def _is_accumulating(trainer: Trainer) -> bool:
    return trainer.fit_loop._should_accumulate()


def _is_validation_next(trainer: Trainer) -> bool:
    fetcher = trainer.fit_loop._data_fetcher
    return fetcher is not None and trainer.fit_loop.epoch_loop._should_check_val_fx(fetcher)
