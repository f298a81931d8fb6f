"""Pretrained weights of timm models from a file or from the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from multitask import MultiTask
from multitask.checkpoints.source import weights_are_in
from multitask.encoders import Timm, TimmMaps
from multitask.errors import InputError
from multitask.tasks import Regression

NAME = "resnet10t"


@pytest.fixture(scope="module")
def network() -> Any:
    return timm.create_model(NAME)


@pytest.fixture
def file(network: Any, tmp_path: Path) -> str:
    weights = {f"module.{name}": each for name, each in network.state_dict().items()}
    torch.save({"state_dict": weights}, tmp_path / "own.pth")
    return str(tmp_path / "own.pth")


@pytest.mark.parametrize(("kind", "channels"), [(Timm, 3), (Timm, 1), (TimmMaps, 3)])
def test_a_file_gives_the_weights(
    network: Any, file: str, kind: type[Timm], channels: int, capfd: pytest.CaptureFixture[str]
) -> None:
    encoder = kind(NAME, pretrained=file, in_channels=channels)
    ours, theirs = encoder.network.state_dict(), network.state_dict()
    assert torch.equal(ours["layer1.0.conv1.weight"], theirs["layer1.0.conv1.weight"])
    if channels == 1:
        expected = theirs["conv1.0.weight"].sum(1, keepdim=True)
        torch.testing.assert_close(ours["conv1.0.weight"], expected)
        assert "start from scratch: 'conv1.0.weight'" in encoder.source.sentence  # type: ignore[union-attr]
    assert encoder.normalisation.is_set
    assert "Unexpected" not in capfd.readouterr().err
    model = MultiTask(encoder, {"size": Regression()})
    assert model.hparams["encoder"]["init_args"]["pretrained"] is False
    with weights_are_in(file):
        # As when a run is resumed after the file has gone.
        assert kind(NAME, pretrained="gone.pth").source is None


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("resnet18", None, r"do not fit 'resnet18': .*'layer2.0.downsample.1.weight' is \[128, 64"),
        ("vit_tiny_patch16_224", None, "none of its weights has a name in the model"),
        (NAME, "gone.pth", "pretrained=gone.pth: the file does not exist"),
        (NAME, "timm/resnet10t", "weights of the hub are hf-hub:timm/resnet10t"),
        (NAME, "", "pretrained is empty"),
    ],
)
def test_weights_of_another_model_are_refused(
    file: str, name: str, given: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Timm(name, pretrained=file if given is None else given)


def test_the_hub_names_the_model(file: str, network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = {**network.pretrained_cfg, "file": None, "source": "hf-hub", "hf_hub_id": "me/own"}
    told = {**cfg, "mean": (0.1, 0.2, 0.3)}
    monkeypatch.setattr(timm.models, "load_model_config_from_hf", lambda _: (told, NAME, {}))
    monkeypatch.setattr(
        timm.models._builder, "load_state_dict_from_hf", lambda *_, **__: network.state_dict()
    )
    encoder = Timm(NAME, pretrained="hf-hub:me/own")
    ours = encoder.network.state_dict()["layer1.0.conv1.weight"]
    assert torch.equal(ours, network.state_dict()["layer1.0.conv1.weight"])
    assert encoder.normalisation.mean.tolist() == pytest.approx([0.1, 0.2, 0.3])
    with pytest.raises(InputError, match="it is a 'resnet10t'; set name to match"):
        Timm("resnet18", pretrained="hf-hub:me/own")
