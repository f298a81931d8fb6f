"""Which layer of an encoder each parameter belongs to."""

from __future__ import annotations

import pytest
import torch

from multitask.encoders import MLP, ConvNet, Displacement, Encoder, Timm, TimmMaps


def layers(encoder: Encoder, end: str = "") -> list[int]:
    """The layers in the order of the parameters, each once."""
    found = encoder.depths()
    assert found.keys() == {name for name, _ in encoder.named_parameters()}
    return list(dict.fromkeys(each for name, each in found.items() if name.endswith(end)))


def test_small_encoders_count_their_stages() -> None:
    assert layers(ConvNet(channels=(4, 4, 4, 4))) == [0, 1, 2, 3, 4]
    assert layers(MLP(16, hidden=[8, 8])) == [0, 1, 2]
    assert layers(MLP(16, hidden=[])) == layers(Displacement(3)) == [0]
    assert ConvNet().depths()["embedding.1.weight"] == 3


@pytest.mark.parametrize(
    ("name", "count"), [("test_vit", 7), ("test_resnet", 5), ("test_efficientnet", 6)]
)
def test_timm_divides_its_models_with_and_without_maps(name: str, count: int) -> None:
    assert sorted(layers(Timm(name, in_channels=1))) == list(range(count))
    torch.manual_seed(0)
    maps = TimmMaps(name, in_channels=1)
    following = torch.rand(1)
    torch.manual_seed(0)
    maps = TimmMaps(name, in_channels=1)
    found = layers(maps)
    # Nothing random is drawn for it.
    assert torch.rand(1) == following
    assert sorted(found) == list(range(len(found)))
    assert len(found) >= count - 1


def test_the_first_levels_alone_have_fewer_layers() -> None:
    whole, first = (TimmMaps("resnet18", each) for each in (None, [0, 1]))
    assert layers(whole, "conv1.weight") == list(range(9))
    assert layers(first, "conv1.weight") == [0, 1, 2]
    assert first.depths()["network.layer1.1.conv2.weight"] == 2


def test_a_model_that_timm_does_not_divide_has_one_layer() -> None:
    assert layers(Timm("pit_ti_224")) == [0]
