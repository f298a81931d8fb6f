"""The number of processes that train together, with checks."""

from __future__ import annotations

import os
from typing import Any

from lightning.pytorch.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from lightning.pytorch.strategies import ModelParallelStrategy

from multitask.errors import InputError


def set_processes(trainer: Any) -> None:
    """Use the number of processes that torchrun or SLURM started, if the settings do not set it.

    Args:
        trainer: the Trainer's settings; ``devices`` and ``num_nodes`` may be changed.

    Raises:
        InputError: if the settings contain another number.
    """
    here, machines = _started()
    if here:
        if _count(trainer.devices) not in (None, here):
            raise InputError(
                f"trainer.devices is {trainer.devices}, but {here} processes were started on this "
                f"machine; set it to {here}, or to auto"
            )
        trainer.devices = here
    if machines:
        if trainer.num_nodes not in (1, machines):
            raise InputError(
                f"trainer.num_nodes is {trainer.num_nodes}, but processes were started on "
                f"{machines}; remove it"
            )
        trainer.num_nodes = machines
    elif not here:
        _check_machines(trainer.num_nodes)


def check_processes(trainer: Any) -> None:
    """Reject settings for several processes that cannot work here.

    Args:
        trainer: the Trainer's settings.

    Raises:
        InputError: says what to set.
    """
    strategy = trainer.strategy
    if isinstance(strategy, str) and strategy.startswith(("ddp_fork", "ddp_notebook", "ddp_spawn")):
        raise InputError(
            f"trainer.strategy is {strategy}, whose processes would share what each needs for "
            "itself; use ddp"
        )
    if isinstance(strategy, ModelParallelStrategy) and strategy._save_distributed_checkpoint:
        raise InputError(
            "trainer.strategy would save checkpoints as folders; use "
            "multitask.training.sharding.Sharded, or set "
            "trainer.strategy.save_distributed_checkpoint to false"
        )
    if trainer.sync_batchnorm:
        raise InputError(
            "trainer.sync_batchnorm is not needed, since the model synchronises batch "
            "normalisation itself, on any device; remove it, and see model.sync_batch_norm"
        )


def _check_machines(machines: int) -> None:
    place = os.environ.get("NODE_RANK", "0")
    if int(place) >= machines:
        raise InputError(
            f"NODE_RANK is {place}, but trainer.num_nodes is {machines}; unset NODE_RANK, or set "
            "trainer.num_nodes to the number of machines"
        )
    if machines > 1 and "MASTER_ADDR" not in os.environ:
        raise InputError(
            f"trainer.num_nodes is {machines}, but it is not set where their processes meet; start "
            "the program with torchrun or srun, or set MASTER_ADDR, MASTER_PORT and NODE_RANK on "
            "each machine"
        )


def _started() -> tuple[int | None, int | None]:
    """Processes on this machine and number of machines, if something else has started them."""
    if TorchElasticEnvironment.detect():
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        return here, int(os.environ["WORLD_SIZE"]) // here
    if SLURMEnvironment.detect():
        return _number("SLURM_NTASKS_PER_NODE"), _number("SLURM_NNODES")
    return None, None


def _count(devices: Any) -> int | None:
    """The number of requested devices; None if it is not set."""
    if isinstance(devices, list | tuple):
        return len(devices)
    return int(devices) if str(devices).isdigit() else None


def _number(variable: str) -> int | None:
    value = os.environ.get(variable, "")
    return int(value) if value.isdigit() else None
