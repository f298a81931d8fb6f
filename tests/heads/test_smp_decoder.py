"""Decoders of segmentation_models_pytorch."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from multitask.encoders import Maps, Vector
from multitask.errors import InputError
from multitask.heads import SmpDecoder

FORM = Maps((4, 6, 8, 10, 12), (2, 4, 8, 16, 32))


def maps(form: Maps, side: int = 64) -> list[Tensor]:
    each = zip(form.channels, form.strides, strict=True)
    return [torch.randn(2, channels, side // stride, side // stride) for channels, stride in each]


@pytest.fixture
def library() -> None:
    pytest.importorskip("segmentation_models_pytorch")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("unet", {"decoder_channels": [8, 8, 4, 4, 4]}),
        ("fpn", {"pyramid_channels": 8, "segmentation_channels": 32, "merge_policy": "cat"}),
        ("deeplabv3", {"out_channels": 8}),
        ("deeplabv3plus", {"out_channels": 8}),
    ],
)
@pytest.mark.usefixtures("library")
def test_the_result_is_a_map_of_the_image(name: str, options: dict[str, Any]) -> None:
    head = SmpDecoder(FORM, 3, name, options)
    result = head(maps(FORM))
    assert result.shape == (2, 3, 64, 64)
    result.square().mean().backward()
    assert all(each.grad is not None for each in head.parameters())


@pytest.mark.usefixtures("library")
def test_other_pyramids() -> None:
    # Of a transformer, and of a network whose last maps are of one size.
    for form, names in {
        Maps((4, 6, 8), (4, 8, 16)): ("unet", "deeplabv3plus"),
        Maps((4, 6, 8, 10, 12), (2, 4, 8, 16, 16)): ("unet", "deeplabv3plus"),
        Maps((4, 6), (8, 16)): ("unet", "deeplabv3", "deeplabv3plus"),
    }.items():
        for name in names:
            assert SmpDecoder(form, 1, name)(maps(form)).shape == (2, 1, 64, 64)


@pytest.mark.parametrize(
    ("form", "name", "options", "message"),
    [
        (FORM, "unte", {}, "no decoder 'unte'; did you mean 'unet'"),
        (Vector(8), "unet", {}, "needs maps, but the encoder returns a vector"),
        (Maps((4, 6), (2, 4)), "fpn", {}, r"strides \[2, 4\]; choose the decoder unet"),
        (Maps((4,), (8,)), "deeplabv3plus", {}, "2 or 4 times as large"),
        (FORM, "unet", {"n_blocks": 3}, "'n_blocks' is set by the encoder"),
        (FORM, "unet", {"attention": "scse"}, "no 'attention'; did you mean 'attention_type'"),
        (FORM, "unet", {"decoder_channels": [8]}, "options of SmpDecoder: "),
        (FORM, "unet", {"decoder_channels": 8}, "options of SmpDecoder: "),
        (FORM, "unet", {"decoder_channels": [-1] * 5}, "options of SmpDecoder: "),
        (FORM, "deeplabv3", {"out_channels": "many"}, "options of SmpDecoder: "),
        (FORM, "deeplabv3", {"out_channels": 0}, "its output has 0 channels"),
    ],
)
@pytest.mark.usefixtures("library")
def test_what_does_not_fit_is_told(
    form: Any, name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        SmpDecoder(form, 1, name, options)


@pytest.mark.usefixtures("library")
def test_sides_that_do_not_fit_are_told() -> None:
    sizes = [24, 12, 6, 3, 2]
    odd = [torch.randn(2, at, side, side) for at, side in zip(FORM.channels, sizes, strict=True)]
    assert SmpDecoder(FORM, 1, "unet")(odd).shape == (2, 1, 48, 48)
    with pytest.raises(InputError, match="48x48 pixels result in maps of 3x3 and 2x2, but 'fpn'"):
        SmpDecoder(FORM, 1, "fpn")(odd)


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    for name in [each for each in sys.modules if each.startswith("segmentation_models_pytorch.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(InputError, match=r'pip install "multitask\[decoders\]"'):
        SmpDecoder(FORM, 1)
