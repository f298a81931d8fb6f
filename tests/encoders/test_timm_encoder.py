"""Models of the timm library as encoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from lightning.pytorch import Trainer

from multitask import MultiTask
from multitask.encoders import Timm
from multitask.errors import InputError

SMALL_VIT = {"img_size": 24, "patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2}


@pytest.mark.parametrize(
    ("name", "in_channels", "options", "size", "features"),
    [
        ("resnet18", 3, None, (40, 33), 512),
        ("resnet18.a1_in1k", 1, None, (32, 32), 512),
        # Its features pass a hidden layer after pooling.
        ("lcnet_035", 2, None, (32, 32), 1280),
        ("vit_tiny_patch16_224", 1, SMALL_VIT, (24, 24), 32),
    ],
)
def test_features_have_the_announced_size(
    name: str, in_channels: int, options: dict[str, Any], size: tuple[int, int], features: int
) -> None:
    encoder = Timm(name, in_channels=in_channels, options=options)
    representation = encoder(torch.rand(2, in_channels, *size))
    assert representation.shape == (2, encoder.out_features) == (2, features)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("resnett18", "resnet18"), ("vit_tiny_patch16_24", "vit_tiny_patch16_224")],
)
def test_unknown_model_suggests_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(InputError) as error:
        Timm(name)
    assert str(error.value) == f"timm has no model '{name}'; did you mean '{nearest}'?"


def test_download_that_fails_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(InputError, match="weights of 'resnet18' could not be loaded") as error:
        Timm("resnet18", pretrained=True)
    assert "no route to host" in str(error.value)
    assert "pretrained to false" in str(error.value)
    with pytest.raises(OSError, match="no route"):
        Timm("resnet18")


@pytest.mark.parametrize("pretrained", [False, True])
def test_pretrained_weights_are_asked_for_only_when_wanted(
    pretrained: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    create = timm.create_model

    def note(name: str, pretrained: bool, **options: Any) -> Any:
        asked.append((name, pretrained, options["in_chans"]))
        return create(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", note)
    Timm("resnet18", pretrained=pretrained, in_channels=1)
    assert asked == [("resnet18", pretrained, 1)]


def test_model_from_a_checkpoint_downloads_no_pretrained_weights(
    monkeypatch: pytest.MonkeyPatch,
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    tmp_path: Path,
) -> None:
    asked: list[bool] = []
    create = timm.create_model

    def note(name: str, pretrained: bool, **options: Any) -> Any:
        asked.append(pretrained)
        return create(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", note)
    owner = trainer()
    owner.strategy.connect(tiny_model(encoder=Timm("lcnet_035", pretrained=True)))
    owner.save_checkpoint(tmp_path / "model.ckpt")
    MultiTask.load_from_checkpoint(tmp_path / "model.ckpt")
    assert asked == [True, False]
