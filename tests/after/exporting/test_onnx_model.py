"""Reading an ONNX file that a person has, maybe without torch, maybe of another program."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from after.made_models import trained

import multitask
from multitask import InputError
from multitask.after.exporting.export import export
from multitask.after.exporting.onnx_model import OnnxModel
from multitask.images.format import ImageFormat

Change = Callable[[Any], None]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(trained(), "onnx", tmp_path_factory.mktemp("onnx") / "model.onnx").path


def forged(path: Path, place: Path, change: Change | None, text: str = "") -> Path:
    """A copy whose property is changed; without a change, it is the text."""
    model = onnx.load(path)
    (told,) = (each for each in model.metadata_props if each.key == "multitask")
    if change is None:
        told.value = text
    else:
        content = json.loads(told.value)
        change(content)
        told.value = json.dumps(content)
    onnx.save(model, place)
    return place


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        OnnxModel(path)
    return str(refused.value)


def test_what_it_takes_and_gives(path: Path) -> None:
    model = OnnxModel(str(path))
    assert model.format == ImageFormat(12, 10, 1)
    assert model.description["tasks"]["size"] == {"kind": "Regression", "unit": "mm"}
    found = model(np.zeros((0, 1, 12, 10), np.uint8))
    shapes = {"kind": (0, 3), "kind.entropy": (0,), "size": (0, 1)}
    assert {name: each.shape for name, each in found.items()} == shapes
    turned = np.zeros((2, 12, 10, 1), np.uint8).transpose(0, 3, 1, 2)
    assert model(turned)["kind"].sum(1) == pytest.approx(1)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 1, 12, 10), np.float32),
        np.zeros((1, 12, 10), np.uint8),
        np.zeros((2, 3, 12, 10), np.uint8),
        np.zeros((2, 1, 10, 12), np.uint8),
    ],
)
def test_other_pixels(path: Path, pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"expects uint8 of shape \[batch, 1, 12, 10\], not "):
        OnnxModel(path)(pixels)


def told(key: str, value: Any) -> Change:
    return lambda content: content["description"]["tasks"]["kind"].update({key: value})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(format=2, version="9"), "written by multitask 9, in format 2"),
        (lambda c: c.pop("format"), "it has no format"),
        (lambda c: c.pop("description"), "it has no inputs"),
        (lambda c: c["description"]["inputs"].clear(), "its image format is damaged"),
        (lambda c: c["description"]["inputs"]["image"].update(height=9), "its inputs are not"),
        (lambda c: c["description"]["inputs"]["image"].update(depth=9), "format is damaged"),
        (lambda c: c["description"]["tasks"].pop("size"), "its outputs are not the tasks"),
        (told("classes", ["a", "b"]), "has 2 classes, and its output 3"),
        (told("elements", ["a"]), "has 1 elements, and its output 3"),
        (told("classes", "abc"), "classes that are not texts"),
        (told("unit", 5), "unit that is not text"),
    ],
)
def test_descriptions_that_make_no_sense(
    path: Path, tmp_path: Path, change: Change, words: str
) -> None:
    assert words in refusal(forged(path, tmp_path / "forged.onnx", change))


@pytest.mark.parametrize("text", ["", "5", "{", "[" * 9000 + "]" * 9000, '{"format": ' + "9" * 999])
def test_properties_that_are_no_description(path: Path, tmp_path: Path, text: str) -> None:
    assert str(tmp_path) in refusal(forged(path, tmp_path / "forged.onnx", None, text))


def test_files_of_others(path: Path, tmp_path: Path) -> None:
    other = onnx.load(path)
    del other.metadata_props[:]
    onnx.save(other, tmp_path / "other.onnx")
    assert "is not an ONNX file that multitask export wrote" in refusal(tmp_path / "other.onnx")
    for content in (b"", b"no model", path.read_bytes()[:500]):
        (tmp_path / "broken.onnx").write_bytes(content)
        assert "is not an ONNX file that multitask" in refusal(tmp_path / "broken.onnx")
    assert "there is no file" in refusal(tmp_path / "none.onnx")
    assert "there is no file" in refusal(tmp_path)


def test_weights_in_files_elsewhere_are_not_read(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(10**6))
    model = onnx.load(path)
    tensor = max(model.graph.initializer, key=lambda each: len(each.raw_data))
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret"
    onnx.save(model, folder / "forged.onnx")
    assert "is not an ONNX file that multitask" in refusal(folder / "forged.onnx")


WITHOUT_TORCH = """
import sys

class Blocked:
    def find_spec(self, name, *_):
        if name.split(".")[0] in ("torch", "torchvision", "lightning", "timm", "pandas"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
import numpy as np
from multitask.after.exporting.onnx_model import OnnxModel

model = OnnxModel(sys.argv[1])
print({name: each.shape for name, each in model(np.zeros((7, 1, 12, 10), np.uint8)).items()})
"""


def test_it_needs_no_torch(path: Path) -> None:
    source = str(Path(multitask.__file__).parents[1])
    command = [sys.executable, "-c", WITHOUT_TORCH, str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": source}
    )
    assert done.stdout.strip() == "{'kind': (7, 3), 'kind.entropy': (7,), 'size': (7, 1)}"


def test_without_onnxruntime(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "pip install 'multitask[export]'" in refusal(path)
