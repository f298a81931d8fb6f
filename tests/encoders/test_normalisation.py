"""Pretrained timm models see images as their weights do, once."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from tiny_training import TinyData
from torch import nn
from torchvision.transforms.v2 import Normalize

from multitask.encoders import Timm, TimmMaps
from multitask.errors import InputError
from multitask.training.image_scale import settle_normalisation

SIZE = 32


@pytest.fixture
def weights(tmp_path: Path) -> dict[str, object]:
    """Options by which timm takes weights from a file instead of downloading them."""
    torch.save(timm.create_model("resnet10t").state_dict(), tmp_path / "weights.pth")
    return {"pretrained_cfg_overlay": {"file": str(tmp_path / "weights.pth")}}


@pytest.mark.parametrize("kind", [Timm, TimmMaps])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pretrained_images_are_normalised(
    weights: dict[str, object], kind: type[Timm], channels: int
) -> None:
    encoder = kind("resnet10t", pretrained=True, in_channels=channels, options=weights).eval()
    image = torch.rand(2, channels, SIZE, SIZE)
    config = encoder.network.pretrained_cfg
    mean, deviation = torch.tensor(config["mean"]), torch.tensor(config["std"])
    if channels == 1:
        mean, deviation = mean.mean(0, keepdim=True), deviation.mean(0, keepdim=True)
    places = torch.arange(channels) % len(mean)
    seen = (image - mean[places].view(-1, 1, 1)) / deviation[places].view(-1, 1, 1)
    for ours, theirs in zip(encoder(image), encoder.network(seen), strict=True):
        torch.testing.assert_close(ours, theirs)
    # From a checkpoint, whose recipe says pretrained: false.
    again = kind("resnet10t", in_channels=channels).eval()
    for ours, theirs in zip(again(image), again.network(image), strict=True):
        torch.testing.assert_close(ours, theirs)
    again.load_state_dict(encoder.state_dict())
    for ours, theirs in zip(again(image), encoder(image), strict=True):
        torch.testing.assert_close(ours, theirs)
    # A checkpoint without a mean was trained without.
    old = {key: each for key, each in encoder.state_dict().items() if "normalisation" not in key}
    again.load_state_dict(old)
    assert not again.normalisation.is_set


def test_data_that_normalise_are_not_normalised_again(weights: dict[str, object]) -> None:
    def settled(data: TinyData) -> bool:
        encoder = Timm("resnet10t", pretrained=True, in_channels=1, options=weights)
        data.setup()
        settle_normalisation(nn.Sequential(encoder), data)
        return encoder.normalisation.is_set

    assert settled(TinyData())
    with pytest.warns(UserWarning, match="the data normalises its images"):
        assert not settled(TinyData(transforms=[Normalize([0.5], [0.2])]))
    with pytest.warns(UserWarning, match="the data normalises its images"):
        assert not settled(TinyData(images=torch.randn(24, 1, 4, 4)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"features_only": True}, "features_only cannot be set; .* multitask.encoders.TimmMaps"),
        ({"global_pool": ""}, "global_pool is ''"),
        ({"num_classes": 10}, "num_classes cannot be set"),
        ({"in_chans": 1}, "in_chans cannot be set; set in_channels"),
        ({"depht": 3}, "timm cannot create 'resnet10t' with .*depht"),
    ],
)
def test_options_that_do_not_work_are_told(options: dict[str, object], expected: str) -> None:
    with pytest.raises(InputError, match=f"options: .*{expected}"):
        Timm("resnet10t", options=options)
