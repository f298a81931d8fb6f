"""Folders and checkpoints that strangers made."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from after.made_models import checkpoint, described, trained, two_tasks
from safetensors.torch import load_file, save_file

import multitask
from multitask import InputError
from multitask.after.hub.card_facts import CardFacts
from multitask.after.hub.hub_folder import write_hub_folder

EVIL = """
from pathlib import Path
from multitask.encoders import ConvNet

Path("imported").touch()

class Strange(ConvNet):
    pass
"""
Change = Callable[[Any], Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("hub") / "model"
    patch = pytest.MonkeyPatch()
    # What is not under test here takes most of the time.
    patch.setattr("multitask.after.hub.hub_folder._write_onnx", lambda *_: "left out")
    write_hub_folder(trained(), place, CardFacts())
    patch.undo()
    return place


@pytest.fixture
def forged(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """The folder with a changed configuration, and a module beside it that tells of its import."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "strange_module.py").write_text(EVIL)
    sys.modules.pop("strange_module", None)

    def make(change: Change | None = None, text: str | None = None) -> Path:
        folder = tmp_path / "forged"
        folder.mkdir()
        config = json.loads((whole / "config.json").read_text())
        if change is not None:
            change(config)
        (folder / "config.json").write_text(text or json.dumps(config))
        weights = load_file(whole / "model.safetensors")
        save_file(weights, folder / "model.safetensors")
        return folder

    return make


def refusal(folder: Path) -> str:
    with pytest.raises(InputError) as refused:
        multitask.load(folder)
    assert not Path("imported").exists()
    return str(refused.value)


def put(*keys: str, value: Any) -> Change:
    def change(config: Any) -> None:
        for key in keys[:-1]:
            config = config.setdefault(key, {})
        config[keys[-1]] = value

    return change


ENCODER = ("model", "encoder", "class_path")
HEAD = ("model", "tasks", "kind", "init_args", "head")
TIMM = {"class_path": "multitask.encoders.Timm", "init_args": {"name": "hf-hub:a/resnet18"}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put(*ENCODER, value="strange_module.Strange"), "only if you trust"),
        (put(*ENCODER, value="os.system"), "only if you trust"),
        (put(*ENCODER, value="multitask.cli.main.main"), "is a function"),
        (put(*HEAD, value={"class_path": "os.system"}), "only if you trust"),
        (put(*HEAD, value="os.system"), "trust"),
        (put(*HEAD, value={"class_path": "subprocess.Popen"}), "only if you trust"),
        (put("model", "_instantiator", value="os.system"), ""),
        (put("model", "encoder", value=TIMM), "timm has no model"),
        (put("model", "encoder", "init_args", "name", value="x"), "no setting 'name'"),
        (put("description", "transforms", value=[{"class_path": "os.system"}]), "only if you"),
    ],
)
def test_a_class_of_another_kind_or_package(
    forged: Callable[..., Path], change: Change, words: str
) -> None:
    folder = forged(change)
    if words:
        assert words in refusal(folder)
    else:
        # What no recipe has is not looked at.
        multitask.load(folder)


@pytest.mark.parametrize(
    "name", ["hf-hub:a/b", "hf_hub:a/b", "local-dir:/tmp", "resnet18.hf-hub:a/b"]
)
def test_names_of_networks_are_no_addresses(forged: Callable[..., Path], name: str) -> None:
    recipe = {"class_path": "multitask.encoders.Timm", "init_args": {"name": name}}
    assert "timm has no model" in refusal(forged(put("model", "encoder", value=recipe)))


def test_nothing_is_downloaded(
    forged: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def connect(*_: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", connect)
    settings = {"name": "resnet10t", "pretrained": True, "in_channels": 1}
    recipe = {"class_path": "multitask.encoders.Timm", "init_args": settings}
    # Its weights are not those of the folder, which is found out without asking for others.
    assert "is of another model" in refusal(forged(put("model", "encoder", value=recipe)))


DEEP = "[" * 5000 + "]" * 5000
LAYERS = ("model", "encoder", "init_args", "channels")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is not JSON"),
        ("[1]", "it is not a JSON object"),
        ("{}", "it has no format"),
        ('{"model_type": "bert"}', "it has no format"),
        ('{"format": 9, "version": "3.0"}', "written by multitask 3.0, in format 9"),
        ('{"format": 1}', "it has no inputs"),
        (f'{{"format": {DEEP}}}', "more than 100 levels"),
        ('{"format": ' + "9" * 5000 + "}", "more than 300 digits"),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin1"), "it is not JSON"),
    ],
)
def test_configurations_that_are_none(forged: Callable[..., Path], text: str, words: str) -> None:
    folder = forged()
    (folder / "config.json").write_text(text)
    assert words in refusal(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put(*LAYERS, value=[10**9, 10**9]), "GiB"),
        (put(*LAYERS, value=[10**200]), "GiB"),
        (put(*LAYERS, value=-1), ""),
        (put("model", "tasks", "kind", "init_args", "num_classes", value=10**12), "num_classes"),
        (put("model", "tasks", value={}), "other tasks"),
        (put("model", value=None), "does not record how its model is built"),
        (put("description", "tasks", "kind", value=3), "is not a mapping"),
        (put("description", "tasks", "kind", "classes", value=[1]), "classes that are not texts"),
        (
            put("description", "tasks", "kind", "classes", value=["a"]),
            "1 names of classes",
        ),
        (
            put("description", "tasks", "size", "elements", value=["a", "b"]),
            "2 names of elements",
        ),
        (put("description", "tasks", "size", "unit", value=[1]), "a unit that is not text"),
        (put("description", "inputs", value=[]), "it has no inputs"),
    ],
)
def test_numbers_and_kinds_that_make_no_sense(
    forged: Callable[..., Path], change: Change, words: str
) -> None:
    assert words in refusal(forged(change))


@pytest.mark.parametrize("side", [10**12, -1, "9", 2.5, True, None])
def test_image_formats_that_make_no_sense(forged: Callable[..., Path], side: Any) -> None:
    folder = forged(put("description", "inputs", "image", "height", value=side))
    assert "its image format is damaged" in refusal(folder)


NORMALIZE = "torchvision.transforms.v2.Normalize"


@pytest.mark.parametrize(
    ("transforms", "channels", "words"),
    [
        ([], 3, "its model does not accept the images that it describes"),
        (
            [{"class_path": NORMALIZE, "init_args": {"mean": [0.0], "std": [1e-45]}}],
            1,
            "its transforms turn an image into numbers that are not finite",
        ),
    ],
)
def test_images_that_the_model_or_its_transforms_cannot_take(
    forged: Callable[..., Path], transforms: list[Any], channels: int, words: str
) -> None:
    def change(config: Any) -> None:
        config["description"]["transforms"] = transforms
        config["description"]["inputs"]["image"]["channels"] = channels

    assert words in refusal(forged(change))


def test_weights_that_do_not_fit(forged: Callable[..., Path]) -> None:
    folder = forged()
    place = folder / "model.safetensors"
    weights = load_file(place)
    save_file({key: each for key, each in weights.items() if "heads.kind" not in key}, place)
    assert "its tasks are size, but this model's are kind and size" in refusal(folder)
    save_file(weights | {"heads.kind.bias": torch.zeros(7)}, place)
    assert "its 'heads.kind.bias' is (7,), but this model's is (3,)" in refusal(folder)
    save_file(weights | {"more": torch.zeros(7)}, place)
    assert "it has 'more', which this model lacks" in refusal(folder)
    place.write_bytes(place.read_bytes()[:100])
    assert "is damaged, or is not a safetensors file" in refusal(folder)
    place.unlink()
    assert "model.safetensors is missing" in refusal(folder)
    (folder / "config.json").unlink()
    assert "which has config.json" in refusal(folder)


def test_a_stranger_s_class_on_ones_own_word(forged: Callable[..., Path]) -> None:
    folder = forged(put(*ENCODER, value="strange_module.Strange"))
    model = multitask.load(folder, trust=True)
    assert type(model.model.encoder).__name__ == "Strange"
    assert Path("imported").exists()


def test_checkpoints_whose_description_makes_no_sense(tmp_path: Path) -> None:
    told = described(two_tasks())
    for number, (part, words) in enumerate(
        [
            ({"tasks": {"kind": told["tasks"]["kind"]}}, "'size'"),
            ({"tasks": {**told["tasks"], "kind": {"classes": 5}}}, "not texts"),
            ({"inputs": []}, "inputs"),
        ]
    ):
        path = checkpoint(tmp_path / f"{number}.ckpt", **part)
        with pytest.raises(InputError, match="damaged") as refused:
            multitask.load(path)
        assert words in str(refused.value)
