"""Batch normalisation over the global batch, as one process sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.encoders import MLP, ConvNet, Timm
from multitask.training import batch_norm
from multitask.training.batch_norm import GlobalBatchNorm, synchronize_batch_norm

SETTINGS: list[dict[str, Any]] = [
    {},
    {"momentum": None},
    {"affine": False, "eps": 0.1},
    {"track_running_stats": False},
]


@pytest.fixture(params=["one process", "its own formula"])
def _processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the computation for many processes, of which only this one has samples."""
    if request.param == "its own formula":
        monkeypatch.setattr(batch_norm, "world_size", lambda: 2)
        monkeypatch.setattr(dist, "all_reduce", lambda values: None)


def values(shape: tuple[int, ...], seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (5 + 3 * torch.randn(shape, generator=generator)).requires_grad_()


def reference(shape: tuple[int, ...], settings: dict[str, Any]) -> tuple[nn.Module, nn.Module]:
    ours = GlobalBatchNorm(shape[1], **settings)
    torchs = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)](
        shape[1], **settings
    )
    if settings.get("affine", True):
        for layer in (ours, torchs):
            nn.init.uniform_(layer.weight, generator=torch.Generator().manual_seed(7))
            nn.init.uniform_(layer.bias, generator=torch.Generator().manual_seed(8))
    return ours, torchs


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("shape", [(16, 3), (4, 3, 5), (4, 3, 6, 5)])
def test_equals_torchs_batch_norm(shape: tuple[int, ...], settings: dict[str, Any]) -> None:
    ours, torchs = reference(shape, settings)
    for step in range(3):
        batch = values(shape, step)
        results = [layer(batch) for layer in (ours, torchs)]
        assert_close(*results, atol=1e-5, rtol=1e-5)
        slope = values(shape, 100 + step)
        gradients = [torch.autograd.grad((each * slope).sum(), batch)[0] for each in results]
        assert_close(*gradients, atol=1e-5, rtol=1e-4)
    assert ours.state_dict().keys() == torchs.state_dict().keys()
    for name, value in torchs.state_dict().items():
        assert_close(ours.state_dict()[name], value, msg=name)
    unseen = values(shape, 9)
    assert_close(ours.eval()(unseen), torchs.eval()(unseen), atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("affine", [True, False])
def test_what_follows_may_work_in_place(affine: bool) -> None:
    batch, gradients = values((16, 3), 0), []
    for layer in reference((16, 3), {"affine": affine}):
        (after := nn.Sequential(layer, nn.ReLU(inplace=True))(batch)).square().sum().backward()
        assert after.min() == 0
        assert batch.grad is not None
        gradients.append(batch.grad.clone())
        batch.grad = None
    assert_close(*gradients, atol=1e-5, rtol=1e-4)


@pytest.mark.usefixtures("_processes")
def test_half_precision_stays_half_precision() -> None:
    ours, torchs = reference((8, 3, 6, 6), {})
    batch = values((8, 3, 6, 6), 0).bfloat16()
    assert_close(ours(batch), torchs(batch), atol=0.1, rtol=0.05)


def test_shape_without_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="channels"):
        GlobalBatchNorm(3)(torch.rand(3))


@pytest.mark.parametrize("on_gpu", [False, True])
@pytest.mark.parametrize(
    "build",
    [ConvNet, lambda: MLP(576), lambda: Timm("lcnet_035", in_channels=1)],
    ids=["ConvNet", "MLP", "timm's BatchNormAct2d"],
)
def test_synchronizing_changes_nothing_but_the_layers(
    build: Callable[[], nn.Module], on_gpu: bool
) -> None:
    torch.manual_seed(0)
    network, images = build(), torch.rand(8, 1, 24, 24)
    network(images)
    network.eval()
    before, keys = list(network.parameters()), list(network.state_dict())
    expected = network(images)
    kind = nn.SyncBatchNorm if on_gpu else GlobalBatchNorm
    count = sum(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in network.modules())

    changed = synchronize_batch_norm(network, on_gpu)

    assert all(a is b for a, b in zip(before, changed.parameters(), strict=True))
    assert list(changed.state_dict()) == keys
    assert sum(isinstance(each, kind) for each in changed.modules()) == count > 0
    assert_close(changed(images), expected, atol=1e-5, rtol=1e-5)


def test_timms_activation_still_acts_in_training() -> None:
    torch.manual_seed(0)
    network, images = Timm("lcnet_035", in_channels=1), torch.rand(8, 1, 24, 24)
    expected = network(images)
    assert_close(synchronize_batch_norm(network, on_gpu=False)(images), expected)
