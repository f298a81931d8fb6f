"""An encoder takes the weights of a file as far as they fit, and says which did not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from multitask.encoders import MLP, ConvNet, FromWeights
from multitask.errors import InputError

OTHER = {"head.weight": torch.ones(2, 2), "head.bias": torch.ones(2)}


def weights(beginning: str = "") -> dict[str, Tensor]:
    """Those of another encoder like it, and of a head."""
    torch.manual_seed(1)
    return {f"{beginning}{name}": each for name, each in (network().state_dict() | OTHER).items()}


def network() -> MLP:
    return MLP(6, [5], 4)


def write(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("content", "prefix"),
    [
        (weights(), ""),
        (weights("module."), ""),
        (weights("_orig_mod.module."), ""),
        ({"state_dict": weights("module."), "epoch": 3, "seed": torch.tensor(1)}, ""),
        ({"model": {"state_dict": weights("encoder.")}, "optimizer": {}}, "encoder."),
        (weights("module.encoder."), "encoder"),
        ({name.removeprefix("layers."): each for name, each in weights().items()}, ""),
    ],
)
def test_weights_are_found_where_programs_put_them(
    content: Any, prefix: str, tmp_path: Path
) -> None:
    encoder = FromWeights(network(), write(tmp_path / "file.pth", content), prefix)
    for name, each in encoder.state_dict().items():
        assert torch.equal(each, weights()[name])
    assert "has 10 of its 10 weights" in encoder.source.sentence
    assert "Not used from the file: 'head.weight' and 'head.bias'" in encoder.source.sentence


def test_safetensors_and_old_files_are_read(tmp_path: Path) -> None:
    save_file(weights(), tmp_path / "file.safetensors")
    torch.save(weights(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("file.safetensors", "old.pth"):
        assert FromWeights(network(), tmp_path / name).source.sentence


def test_what_does_not_fit_begins_anew_and_is_named(tmp_path: Path) -> None:
    content = weights()
    content["layers.1.weight"] = torch.zeros(5, 7)
    del content["layers.2.bias"], content["layers.2.num_batches_tracked"]
    torch.manual_seed(2)
    fresh = network()
    before = fresh.layers[1].weight.clone()  # type: ignore[operator, union-attr]
    told = FromWeights(fresh, write(tmp_path / "file.pth", content)).source.sentence
    assert "8 of its 10 weights" in told
    assert "'layers.1.weight' is (5, 7) in the file, (5, 6) here" in told
    assert "'layers.2.bias' is missing" in told
    assert torch.equal(fresh.layers[1].weight, before)  # type: ignore[arg-type]
    assert torch.equal(fresh.layers[4].weight, content["layers.4.weight"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "prefix", "message"),
    [
        (weights("backbone."), "", "in the encoder; set prefix to backbone."),
        (weights("backbone."), "body.", "starts with 'body.'; they start with backbone."),
        (OTHER, "", "none of its weights belongs to the encoder: they are 'head.weight'"),
        ({"layers.1.weight": torch.ones(5, 7)}, "", r"shapes: 'layers.1.weight' is \(5, 7\)"),
        ({"epoch": 3}, "", "it has no named weights: its keys are 'epoch'"),
        ([torch.ones(2)], "", "it contains a list; give a state_dict"),
        ({}, "", "it contains a dict"),
        (network(), "", "it contains an object of multitask.encoders.mlp.MLP"),
    ],
)
def test_a_file_of_which_nothing_fits_is_refused(
    content: Any, prefix: str, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "file.pth", content)
    with pytest.raises(InputError, match=rf"FromWeights: .*file.pth: .*{message}"):
        FromWeights(network(), path, prefix)


def test_a_file_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "file.pth", weights())
    with pytest.raises(InputError, match=r"the file does not exist; did you mean '.*file.pth'"):
        FromWeights(ConvNet(), tmp_path / "flie.pth")
    with pytest.raises(InputError, match="path is empty"):
        FromWeights(ConvNet(), "")
