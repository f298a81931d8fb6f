"""Random numbers that continue after a resume as if the run had never stopped."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer

from multitask.distributed import world_size


class RandomState(Callback):
    """Store every process's random states in the checkpoint: Python, NumPy, torch and its GPU."""

    def __init__(self) -> None:
        self._to_restore: dict[str, Any] | None = None

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Collect the states of all processes; every process takes part in saving."""
        states: list[Any] = [_state(pl_module.device)]
        if world_size() > 1:
            own = states[0]
            states = [None] * world_size()
            dist.all_gather_object(states, own)
        checkpoint["random_states"] = states

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep this process's state for later, if the run had the same number of processes."""
        states = checkpoint.get("random_states", [])
        same = len(states) == trainer.world_size
        self._to_restore = states[trainer.global_rank] if same else None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the states after all setup before training has drawn its random numbers."""
        if self._to_restore is not None:
            _restore(self._to_restore, pl_module.device)


def _state(device: torch.device) -> dict[str, Any]:
    # Plain types only, so that the checkpoint loads with weights_only=True.
    legacy: Any = np.random.get_state()
    name, keys, position, has_gauss, gauss = legacy
    version, internal, next_gauss = random.getstate()
    return {
        "python": [version, list(internal), next_gauss],
        "numpy": [name, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, gauss],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def _restore(state: dict[str, Any], device: torch.device) -> None:
    version, internal, next_gauss = state["python"]
    random.setstate((version, tuple(internal), next_gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"].cpu())
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
