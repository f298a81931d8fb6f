"""Parameters sharded over processes, by FSDP2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.optim import Optimizer

from multitask.checkpoints.reading import explained
from multitask.errors import InputError

if TYPE_CHECKING:
    from multitask.module import MultiTask

BLOCK = 1_000_000
"""Minimum number of parameters of a block that is gathered separately; less is inefficient."""
WHOLE = StateDictOptions(full_state_dict=True)
"""Checkpoints contain whole tensors, and each process loads its share."""


class Sharded(ModelParallelStrategy):
    """Shards the parameters, their gradients and the optimizer's state over the processes.

    It is Lightning's strategy with its two sizes chosen for this model, which only has data
    parallelism: one is the number of processes, the other is 1. Checkpoints are whole files, as
    with any other strategy, so a run can continue without sharding, and vice versa.
    """

    def __init__(self) -> None:
        super().__init__(save_distributed_checkpoint=False)

    def setup_environment(self) -> None:
        """Count the processes, whose number the constructor does not know."""
        self._data_parallel_size = self.num_nodes * self.num_processes
        self._tensor_parallel_size = 1
        super().setup_environment()

    def load_checkpoint(
        self, checkpoint_path: str | Path, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Load this process's share of a checkpoint.

        Lightning skips state that modules store in addition to parameters and buffers, such as the
        memory of balancers, and fails if an optimizer has no state.
        """
        path = self.broadcast(checkpoint_path)
        with explained():
            content = torch.load(path, map_location="cpu", mmap=True, weights_only=weights_only)
        assert self.model is not None
        set_model_state_dict(self.model, content.pop("state_dict"), options=WHOLE)
        if self.optimizers:
            for optimizer, state in zip(self.optimizers, content["optimizer_states"], strict=True):
                self._load_optimizer(optimizer, state)
        return content

    def _load_optimizer(self, optimizer: Optimizer, state: dict[str, Any]) -> None:
        if not state["state"]:
            # There is nothing to shard.
            optimizer.load_state_dict(state)
            return
        assert self.model is not None
        # By their order in the groups, which may differ from that of the model's parameters.
        names = {id(each): name for name, each in self.model.named_parameters()}
        own = [names[id(each)] for group in optimizer.param_groups for each in group["params"]]
        saved = [number for group in state["param_groups"] for number in group["params"]]
        name_of = dict(zip(saved, own, strict=True))
        groups = [
            {**group, "params": [name_of[number] for number in group["params"]]}
            for group in state["param_groups"]
        ]
        states = {name_of[number]: values for number, values in state["state"].items()}
        named: Any = {"state": states, "param_groups": groups}
        set_optimizer_state_dict(self.model, optimizer, named, options=WHOLE)


def shard(network: nn.Module, mesh: DeviceMesh) -> None:
    """Shard a network's parameters over the processes, if there are any.

    Large blocks of a stack (``nn.Sequential`` or ``nn.ModuleList``, such as the layers of a
    transformer) are gathered one after the other, each for its own forward and backward pass. The
    remaining parameters are gathered for the passes of the whole network. A network whose parts
    share parameters is gathered as a whole. A network that is sharded already is not changed.

    Args:
        network: any network; it must be called as a module afterwards.
        mesh: Lightning's mesh, with the dimensions ``data_parallel`` and ``tensor_parallel``.

    Raises:
        InputError: if the mesh requires more than sharding the parameters.
    """
    if mesh["tensor_parallel"].size() > 1:
        raise InputError(
            "the model shards its parameters over data-parallel processes; give "
            "ModelParallelStrategy tensor_parallel_size: 1, and the number of processes as "
            "data_parallel_size"
        )
    # Lightning calls this again for the test after training.
    is_sharded = isinstance(network, FSDPModule)
    if not is_sharded and any(parameter.requires_grad for parameter in network.parameters()):
        for block in _large_blocks(network):
            fully_shard(block, mesh=mesh["data_parallel"])
        fully_shard(network, mesh=mesh["data_parallel"])


def shard_model(model: MultiTask) -> None:
    """Shard a model's networks, if the strategy has a mesh of processes for it."""
    if model.device_mesh is not None:
        for network in (model.encoder, model.sharing, *model.heads.values()):
            shard(network, model.device_mesh)


def _large_blocks(network: nn.Module) -> list[nn.Module]:
    owned = [id(each) for part in network.modules() for each in part.parameters(recurse=False)]
    if len(owned) > len(set(owned)):
        # A parameter cannot be in two blocks.
        return []
    blocks: dict[nn.Module, None] = {}
    for child in network.children():
        is_of_stack = isinstance(network, nn.Sequential | nn.ModuleList)
        # A stack in a stack is not a block: a list has no forward pass to gather parameters for.
        if is_of_stack and not isinstance(child, nn.ModuleList) and _is_large(child):
            blocks[child] = None
        else:
            blocks |= dict.fromkeys(_large_blocks(child))
    return list(blocks)


def _is_large(block: nn.Module) -> bool:
    return sum(each.numel() for each in block.parameters() if each.requires_grad) >= BLOCK
