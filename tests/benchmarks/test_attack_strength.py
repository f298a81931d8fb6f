"""Projected gradients are hardly weaker than AutoAttack, and leave the model in its mode."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

from multitask import MultiTask
from multitask.encoders import MLP
from multitask.errors import InputError
from multitask.robustness import PixelBounds
from multitask.tasks import Classification, Regression, Task

pytest.importorskip("torchattacks")
FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "attack_strength.py"
CLASSES, COUNT, SIDE, EPS = 4, 200, 5, 0.03
BOUNDS = PixelBounds(0.4, 0.2)


@pytest.fixture(scope="module")
def strength() -> Any:
    found = importlib.util.spec_from_file_location(FILE.stem, FILE)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def model(classes: int = CLASSES) -> MultiTask:
    torch.manual_seed(0)
    tasks: dict[str, Task] = {"kind": Classification(classes), "size": Regression()}
    return MultiTask(MLP(SIDE**2, hidden=[16], out_features=8), tasks).eval()


def test_gradients_are_hardly_weaker_than_autoattack(strength: Any) -> None:
    made = model()
    pixels = torch.rand(COUNT, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    images = BOUNDS.images(pixels)
    head: Any = made.heads["kind"]
    with torch.no_grad():
        # As sure as a trained network, and each class is predicted for some.
        head.weight *= 20
        head.bias -= made(images)["kind"].mean(0)
        labels = made(images)["kind"].argmax(1)
    batch = {"image": images, "index": torch.arange(COUNT), "kind": labels}
    found = strength.accuracies(made, "kind", batch, EPS, BOUNDS, queries=200)
    left = {name: float(right.float().mean()) for name, (right, _) in found.items()}
    assert left["none"] == 1
    assert 0.1 < left["AutoAttack"] < 0.9
    assert left["PGD-20, 5 starts"] <= left["AutoAttack"] + 0.05
    assert left["PGD-10"] <= left["AutoAttack"] + 0.1
    assert not any(each.training for each in made.modules())
    low, high = strength.interval(found["AutoAttack"][0])
    assert low < left["AutoAttack"] < high


def test_what_autoattack_cannot_attack_is_refused(strength: Any) -> None:
    with pytest.raises(InputError, match="a classification with at least 4 classes"):
        strength.check_task(model(3), "kind")
    with pytest.raises(InputError, match="'size' is not a classification"):
        strength.check_task(model(), "size")
