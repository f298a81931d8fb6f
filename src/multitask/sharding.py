"""Parameters divided over processes, by FSDP2."""

from __future__ import annotations

from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard

from multitask.errors import InputError


def shard(network: nn.Module, mesh: DeviceMesh) -> None:
    """Let each process keep a share of a network's parameters, where there are any.

    They are gathered for the forward and backward pass of the network as a whole.

    Args:
        network: any network; called as a module from now on.
        mesh: Lightning's, with the dimensions ``data_parallel`` and ``tensor_parallel``.

    Raises:
        InputError: if the mesh asks for more than dividing the parameters.
    """
    if mesh["tensor_parallel"].size() > 1:
        raise InputError(
            "the model shards its parameters over data-parallel processes: give "
            "ModelParallelStrategy tensor_parallel_size: 1, and the number of processes as "
            "data_parallel_size"
        )
    if any(parameter.requires_grad for parameter in network.parameters()):
        fully_shard(network, mesh=mesh["data_parallel"])
