"""The two checkpoints of a run: its best and its last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint


class BestCheckpoint(ModelCheckpoint):
    """Keeps ``best.ckpt``, by the highest ``val/score``.

    Args:
        folder: where the checkpoint goes.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder,
            filename="best",
            monitor="val/score",
            mode="max",
            enable_version_counter=False,
        )
        self.path = str(folder.absolute() / "best.ckpt")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the best score also where the run's folder was moved, so as not to lose it."""
        if Path(self.path).exists():
            paths = {"best_model_path": self.path, "kth_best_model_path": self.path}
            best = {self.path: state_dict["best_model_score"]}
            state_dict = {**state_dict, **paths, "dirpath": self.dirpath, "best_k_models": best}
        super().load_state_dict(state_dict)


class LastCheckpoint(ModelCheckpoint):
    """Keeps ``last.ckpt``, written after each validation, to resume from.

    Args:
        folder: where the checkpoint goes.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, filename="last", enable_version_counter=False)
