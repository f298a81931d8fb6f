"""Which parts of a network are gathered by themselves, and that nothing else changes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule

from multitask.training import sharding
from multitask.training.sharding import Sharded, shard


class Block(nn.Module):
    """Two layers of 72 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8))

    def forward(self, values: Tensor) -> Tensor:
        return values + self.layers(values)


class Stack(nn.Module):
    """Blocks as in a transformer, and smaller parts before and after them."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Linear(3, 8)
        self.blocks = nn.ModuleList([Block(), Block(), Block()])
        self.after = nn.Sequential(nn.Linear(8, 2), nn.Tanh())

    def forward(self, values: Tensor) -> Tensor:
        values = self.before(values)
        for block in self.blocks:
            values = block(values)
        return self.after(values)


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[DeviceMesh]:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1, 1), mesh_dim_names=("data_parallel", "tensor_parallel"))
    dist.destroy_process_group()


def sharded(network: nn.Module) -> set[str]:
    return {name for name, module in network.named_modules() if isinstance(module, FSDPModule)}


def test_large_blocks_are_gathered_one_by_one(
    mesh: DeviceMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharding, "BLOCK", 144)
    network = Stack()
    shard(network, mesh)
    assert sharded(network) == {"", "blocks.0", "blocks.1", "blocks.2"}


def test_small_networks_are_gathered_as_one(mesh: DeviceMesh) -> None:
    network = Stack()
    shard(network, mesh)
    assert sharded(network) == {""}


def test_frozen_blocks_count_nothing(mesh: DeviceMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharding, "BLOCK", 144)
    network = Stack()
    network.blocks[1].requires_grad_(False)
    shard(network, mesh)
    assert sharded(network) == {"", "blocks.0", "blocks.2"}


def test_a_block_that_stands_twice_is_divided_once(
    mesh: DeviceMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharding, "BLOCK", 144)
    network = Stack()
    network.blocks[2] = network.blocks[0]
    shard(network, mesh)
    assert sharded(network) == {"", "blocks.0", "blocks.1"}


def test_gradients_stay_as_they_are(mesh: DeviceMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharding, "BLOCK", 144)
    torch.manual_seed(0)
    whole, network = Stack(), Stack()
    network.load_state_dict(whole.state_dict())
    shard(network, mesh)
    values = torch.randn(5, 3)
    for each in (whole, network):
        each(values).square().sum().backward()
    for one, other in zip(whole.parameters(), network.parameters(), strict=True):
        assert one.grad is not None
        torch.testing.assert_close(other.grad.full_tensor(), one.grad)  # type: ignore[union-attr]


def test_the_state_of_groups_in_another_order_is_that_of_the_same_parameters(
    mesh: DeviceMesh,
) -> None:
    torch.manual_seed(0)

    def groups(network: Stack) -> list[dict[str, Any]]:
        rest = [each for name, each in network.named_parameters() if "blocks" in name]
        return [
            {"params": [*network.before.parameters(), *network.after.parameters()], "lr": 0.5},
            {"params": rest},
        ]

    whole, network = Stack(), Stack()
    optimizer = torch.optim.Adam(groups(whole))
    whole(torch.rand(4, 3)).sum().backward()
    optimizer.step()
    shard(network, mesh)
    strategy, divided = Sharded(), torch.optim.Adam(groups(network))
    strategy._model = network
    strategy._load_optimizer(divided, optimizer.state_dict())
    for mine, other in zip(network.parameters(), whole.parameters(), strict=True):
        found: Any = divided.state[mine]["exp_avg"]
        torch.testing.assert_close(found.full_tensor(), optimizer.state[other]["exp_avg"])
    assert [each["lr"] for each in divided.param_groups] == [0.5, 0.001]
