"""Models as ONNX files and exported programs, which predict what the models do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from after.made_models import CALIBRATION, SHAPE, calibrated, number, pixels, trained, two_tasks
from torch import Tensor, nn
from torchmetrics import MeanMetric, MetricCollection
from torchvision import transforms
from torchvision.transforms import v2

from multitask import InputError
from multitask.after.exporting.export import export
from multitask.after.exporting.export_check import BATCHES, Check
from multitask.after.exporting.file_inputs import file_inputs
from multitask.after.exporting.onnx_model import OnnxModel
from multitask.after.trained_model import TrainedModel
from multitask.balancing import GradientBalancer
from multitask.balancing.weightings import UPGrad
from multitask.encoders import MLP, ConvNet, Displacement, Encoder, Maps, Timm
from multitask.sharing import CrossStitch, MMoE
from multitask.tasks import (
    Angle,
    Box,
    Classification,
    Count,
    DenseRegression,
    Depth,
    Detection,
    Edges,
    GaussianRegression,
    Hazard,
    HeatMaps,
    Keypoints,
    NegativeBinomial,
    Normals,
    Ordinal,
    QuantileRegression,
    Reconstruction,
    Segmentation,
    Task,
)

COLOUR = (3, 12, 10)
NAMES = ("linear", "softmax", "val_0", "a-b", "a_b", "class", "None")
"""What exporters call values too, or Python has a meaning for."""


class TwoMaps(Encoder):
    """A fine map and a coarse one."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(1, 4, 1), nn.Conv2d(4, 6, 2, 2)

    @property
    def form(self) -> Maps:
        return Maps((4, 6), (1, 2))

    def forward(self, image: Tensor) -> list[Tensor]:
        fine = self.fine(image).relu()
        return [fine, self.coarse(fine)]


class Between(Task):
    """A task that gives several things."""

    headline = None

    @property
    def out_features(self) -> int:
        return 2

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return output.sum(), output.new_ones(())

    def predict(self, output: Tensor) -> Any:
        return {"low": output[:, 0], "high": output.exp().sum(1)}

    def metrics(self) -> MetricCollection:
        return MetricCollection({"value": MeanMetric()}, compute_groups=False)


def odd_names() -> TrainedModel:
    return trained(tasks={name: [Classification(3), number()][len(name) % 2] for name in NAMES})


def far_off() -> dict[str, Task]:
    """Numbers that single precision tells apart, and that it does not."""
    double = torch.float64
    return {"far": number(-3e4, 0.001, dtype=double), "near": number(5, 2, dtype=double, size=3)}


def maps() -> TrainedModel:
    depth = DenseRegression(2)
    depth.learn_statistics("depth", torch.randn(9, 2, 12, 10) * 3 + 7)
    vectors: dict[str, Any] = {"spread": GaussianRegression(2), "between": QuantileRegression(2)}
    for name, task in vectors.items():
        task.learn_statistics(name, torch.randn(99, 2) * 3 + 7)
    vectors["between"].take_calibration({"quantile": [-0.5, 0.5], "level": 0.8})
    far = Depth(log=True)
    far.learn_statistics("far_away", torch.rand(9, 12, 10) + 1)
    of_pixels = {"far_away": far, "normals": Normals(), "edges": Edges(), "copy": Reconstruction(1)}
    vectors |= vector_kinds()
    tasks = {"parts": Segmentation(4), "depth": depth, "kind": Classification(3), **vectors}
    tasks |= places()
    tasks |= of_pixels
    return trained(TwoMaps(), tasks)


def vector_kinds() -> dict[str, Task]:
    time = torch.stack([torch.rand(99), torch.ones(99)], 1)
    targets = {"turn": 360 * torch.rand(99), "death": time, "size": torch.arange(99) % 4}
    targets |= dict.fromkeys(["cells", "spots"], torch.poisson(torch.full((99,), 5.0)))
    tasks = {"turn": Angle(), "death": Hazard(3), "size": Ordinal(4), "cells": Count()}
    tasks |= {"spots": NegativeBinomial()}
    for name, task in tasks.items():
        task.learn_statistics(name, targets[name])
    return tasks


def places() -> dict[str, Task]:
    low = 6 * torch.rand(50, 2)
    tasks: dict[str, Task] = {"box": Box(), "face": Keypoints(2), "hand": HeatMaps(2)}
    tasks["box"].learn_statistics("box", torch.cat([low, low + 2 + 3 * torch.rand(50, 2)], 1))
    for name in ("face", "hand"):
        tasks[name].learn_statistics(name, 10 * torch.rand(50, 4))
    boxes = torch.tensor(
        [[[0.0, 1, 1, 5, 6], [1, 2, 3, 9, 6]], [[1, 0, 0, 4, 4], [-1, 0, 0, 0, 0]]]
    )
    tasks["things"] = Detection(2, stride=2, most=3, least_score=0)
    tasks["things"].learn_statistics("things", boxes)
    return tasks


def pretrained() -> TrainedModel:
    encoder = Timm("resnet10t", in_channels=3)
    encoder.normalisation.set([0.5, 0.4, 0.3], [0.2, 0.3, 0.2])
    return trained(encoder, shape=(3, 32, 32), balancer=GradientBalancer(UPGrad()))


CASES = {
    "odd names": odd_names,
    "far off": lambda: trained(Displacement(120), {**far_off(), "span": Between()}),
    "maps": maps,
    "pretrained": pretrained,
    "mixed": lambda: trained(
        ConvNet(3, channels=(4, 8)),
        transforms=[
            transforms.Resize(14),
            nn.Sequential(transforms.Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.2])),
            transforms.Pad(1),
        ],
        shape=COLOUR,
        sharing=partial(MMoE, own=1, experts=2, width=4),
    ),
    "stitched": lambda: calibrated(
        MLP(72, hidden=[4], out_features=4),
        transforms=[v2.Resize((9, 8)), v2.Grayscale(), v2.Normalize([0.5], [0.2])],
        shape=COLOUR,
        sharing=CrossStitch,
    ),
}


@pytest.mark.filterwarnings("ignore:UPGrad acts on conflicts")
@pytest.mark.parametrize("case", CASES)
def test_an_onnx_file_predicts_what_the_model_does(case: str, tmp_path: Path) -> None:
    model = CASES[case]()
    done = export(model, "onnx", tmp_path / "model.onnx")
    # Relative to a spread of about 1, where the steps of an angle of 300 degrees are 3e-5.
    assert done.difference < 5e-5
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]
    run = OnnxModel(done.path)
    assert list(run.description["tasks"]) == list(model.model.named_tasks)
    for batch in (1, 2, 5, 40):
        images = pixels(batch, run.format.shape)
        compare(run(images.numpy()), model(images))


def test_a_calibration_is_in_the_graph(tmp_path: Path) -> None:
    plain, model = trained(), calibrated()
    run = OnnxModel(export(model, "onnx", tmp_path / "model.onnx").path)
    found, before = run(pixels(3).numpy()), plain(pixels(3))
    logits = torch.log(before["kind"]) / CALIBRATION["kind"]["temperature"]
    np.testing.assert_allclose(found["kind"], logits.softmax(1).numpy(), rtol=1e-4)
    np.testing.assert_allclose(found["size.low"], before["size"].numpy() - 3, rtol=1e-5)
    assert run.description["tasks"]["size"]["calibration"] == CALIBRATION["size"]


def compare(found: dict[str, np.ndarray], right: dict[str, Any]) -> None:
    flat = {
        f"{name}.{key}" if key else name: each
        for name, value in right.items()
        for key, each in (value if isinstance(value, dict) else {"": value}).items()
    }
    assert list(found) == list(flat)
    for name, each in flat.items():
        expected = each.numpy()
        assert found[name].shape == expected.shape
        assert found[name].dtype == (np.float64 if name == "far" else np.float32)
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", ["odd names", "mixed"])
def test_an_exported_program_does_too(case: str, tmp_path: Path) -> None:
    model = CASES[case]()
    done = export(model, "torch_export", tmp_path / "model.pt2")
    assert done.difference < 1e-5
    module = torch.export.load(done.path).module()
    for batch in (1, 2, 5, 40):
        images = pixels(batch, model.format.shape)
        found = {name: each.detach().numpy() for name, each in module(images).items()}
        compare(found, model(images))


READER = """
import json, sys
import torch
told = {"multitask.json": ""}
program = torch.export.load(sys.argv[1], extra_files=told)
found = program.module()(torch.full((2, 1, 12, 10), 200, dtype=torch.uint8))
assert "multitask" not in sys.modules and "lightning" not in sys.modules
values = {name: each.tolist() for name, each in found.items()}
print(json.dumps([json.loads(told["multitask.json"]), values]))
"""


def test_an_exported_program_needs_no_package_of_ours(tmp_path: Path) -> None:
    model = trained()
    path = export(model, "torch_export", tmp_path / "model.pt2").path
    command = [sys.executable, "-I", "-c", READER, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told, found = json.loads(done.stdout)
    assert told["description"]["tasks"]["size"]["unit"] == "mm"
    right = model(torch.full((2, *SHAPE), 200, dtype=torch.uint8))
    np.testing.assert_allclose(found["size"], right["size"].numpy(), rtol=1e-6)
    content = path.read_bytes()
    assert b"site-packages" not in content
    assert str(Path(__file__).parents[3]).encode() not in content


def test_an_onnx_file_tells_what_it_is_and_nothing_of_this_machine(tmp_path: Path) -> None:
    path = export(trained(), "onnx", tmp_path / "model.onnx").path
    assert b"site-packages" not in path.read_bytes()
    assert str(Path(__file__).parents[3]).encode() not in path.read_bytes()
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    (property,) = (each for each in model.metadata_props if each.key == "multitask")
    told = json.loads(property.value)
    assert told["format"] == 1
    assert told["description"]["tasks"]["kind"]["classes"] == ["cat", "dog", "häst <b>"]
    first = model.graph.input[0].type.tensor_type.shape.dim[0]
    assert [each.name for each in model.graph.input] == ["image"]
    assert first.dim_param == "batch"


def test_a_compiled_model_is_exported_as_it_was_written(tmp_path: Path) -> None:
    model = trained(MLP(120, hidden=[]))

    def called(*_: Any) -> None:
        raise AssertionError("compiled code was called")

    model.model.encoder._compiled_call_impl = called  # type: ignore[assignment]
    export(model, "torch_export", tmp_path / "model.pt2")
    assert model.model.encoder._compiled_call_impl is called


class FixesBatch(ConvNet):
    """Takes as many images as its example has."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image).reshape(len([*image]), -1)


class Decides(ConvNet):
    """Looks at values."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image if image.mean() > 0.5 else 1 - image)


class Wrong(nn.Module):
    """Is another function in a graph than outside of one."""

    def forward(self, image: Tensor) -> Tensor:
        return image * 0 if torch.compiler.is_exporting() else image


class Numpy(nn.Module):
    """Leaves torch."""

    def forward(self, image: Tensor) -> Tensor:
        return torch.from_numpy(image.numpy() * 2)


REFUSED: list[tuple[Encoder, Sequence[nn.Module], str]] = [
    (
        FixesBatch(1),
        (),
        "the model cannot be converted to a graph: the code accepts batches of one size only",
    ),
    (
        Decides(1),
        (),
        "the model cannot be converted to a graph: the code decides by the values of a tensor",
    ),
    (ConvNet(1), [Numpy()], "its transforms (Numpy) cannot be converted to a graph: "),
    (ConvNet(1), [Wrong()], "differs from the model for 1 images: task "),
    (ConvNet(1), [v2.RandomHorizontalFlip()], "its task 'kind' predicts something else each time"),
]


@pytest.mark.parametrize(("encoder", "changes", "words"), REFUSED)
def test_what_cannot_be_exported_leaves_nothing(
    encoder: Encoder,
    changes: Sequence[nn.Module],
    words: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InputError) as refused:
        export(trained(encoder, transforms=changes), "torch_export", tmp_path / "model.pt2")
    assert str(refused.value).startswith("made.ckpt cannot be exported: ")
    assert words in str(refused.value)
    assert list(tmp_path.iterdir()) == []
    assert "".join(capfd.readouterr()) == ""


def test_a_diverged_model(tmp_path: Path) -> None:
    model = trained()
    nn.init.constant_(model.model.heads["size"].bias, float("nan"))  # type: ignore[union-attr,arg-type]
    with pytest.raises(InputError, match="its task 'size' predicts numbers that are not finite"):
        export(model, "onnx", tmp_path / "model.onnx")


def test_what_is_there_stays(tmp_path: Path) -> None:
    place = tmp_path / "model.onnx"
    place.write_text("mine")
    with pytest.raises(InputError, match="already exists; choose another name"):
        export(trained(), "onnx", place)
    assert place.read_text() == "mine"


def test_the_check_tells_a_small_difference() -> None:
    model = trained()
    check = Check(model, file_inputs(model))
    exact = model
    assert check.largest_difference(lambda _: exact, Path()) == 0

    def shifted(by: float) -> Any:
        return lambda _: lambda images: {**exact(images), "size": exact(images)["size"] + by}

    # The number's deviation is about 10.
    assert check.largest_difference(shifted(5e-4), Path()) == pytest.approx(5e-5, rel=0.2)
    with pytest.raises(InputError, match="task 'size' by 0.00"):
        check.largest_difference(shifted(5e-3), Path())
    few = [each for each in BATCHES if each > 1]
    with pytest.raises(InputError, match=f"for {few[0]} images"):
        check.largest_difference(
            lambda _: lambda images: shifted(float(len(images) > 1))(0)(images), Path()
        )


@pytest.mark.parametrize("format", ["torchscript", "TorchScript", "torch_script", "jit"])
def test_torchscript_is_refused_with_the_alternative(format: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="deprecated in PyTorch.*use --format=torch_export"):
        export(trained(tasks=two_tasks()), format, tmp_path / "model.pt")
