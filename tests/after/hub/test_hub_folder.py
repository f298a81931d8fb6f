"""A folder for the hub: what it holds, and that it is the model."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from after.made_models import checkpoint, number, pixels, trained, two_tasks
from huggingface_hub import ModelCard
from torchvision.transforms import v2

import multitask
from multitask import InputError, MultiTask
from multitask.after.exporting.onnx_model import OnnxModel
from multitask.after.hub.card_facts import CardFacts, facts_of
from multitask.after.hub.card_metrics import Measured
from multitask.after.hub.hub_folder import write_hub_folder
from multitask.after.hub.model_card import model_card
from multitask.after.trained_model import TrainedModel
from multitask.balancing import GradientBalancer
from multitask.balancing.weightings import UPGrad
from multitask.encoders import ConvNet
from multitask.sharing import CrossStitch
from multitask.tasks import Classification

NORMALIZE = {
    "class_path": "torchvision.transforms.v2.Normalize",
    "init_args": {"mean": [0.5], "std": [0.25]},
}


def card_of(trained: TrainedModel, facts: CardFacts) -> str:
    return model_card(trained, facts, "animals", True)


@pytest.mark.filterwarnings("ignore")
def test_a_folder_is_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = MultiTask(
        ConvNet(1, channels=[4, 8]),
        {"kind": Classification(3), "far": number(-3e4, 0.001, dtype=torch.float64)},
        sharing=partial(CrossStitch, own=0.8),
        balancer=GradientBalancer(UPGrad()),
    )
    path = checkpoint(tmp_path / "x.ckpt", model, transforms=[NORMALIZE])
    given = multitask.load(path, device="cpu")
    folder = tmp_path / "hub"
    done = write_hub_folder(given, folder, CardFacts())
    assert done.without_onnx is None
    names = {"README.md", "config.json", "model.onnx", "model.safetensors"}
    assert {each.name for each in folder.iterdir()} == names
    assert len({each.stat().st_mode for each in folder.iterdir()}) == 1

    config = (folder / "config.json").read_text()
    images = pixels(9)
    for _ in range(2):
        again = multitask.load(folder, device="cpu")
        assert isinstance(again.transforms[0], v2.Normalize)
        for name, right in given(images).items():
            assert torch.equal(again(images)[name], right)
    # Whoever makes objects from a recipe changes it.
    assert (folder / "config.json").read_text() == config
    found = OnnxModel(folder / "model.onnx")(images.numpy())
    for name, right in given(images).items():
        np.testing.assert_allclose(found[name], right.numpy(), rtol=1e-4, atol=1e-6)
    # A folder may be exported again, here without what takes most of the time.
    monkeypatch.setattr("multitask.after.hub.hub_folder.find_spec", lambda _: None)
    write_hub_folder(again, tmp_path / "again", CardFacts())
    assert (tmp_path / "again/config.json").read_text() == config


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No ONNX file, which takes most of the time."""
    monkeypatch.setattr("multitask.after.hub.hub_folder.find_spec", lambda _: None)


def test_without_the_packages_there_is_no_onnx(quick: None, tmp_path: Path) -> None:
    done = write_hub_folder(trained(), tmp_path / "hub", CardFacts())
    assert done.without_onnx == "onnx is not installed (pip install 'multitask[export]')"
    assert not (tmp_path / "hub/model.onnx").exists()
    assert "model.onnx" not in (tmp_path / "hub/README.md").read_text()


def test_what_is_there_stays(quick: None, tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    with pytest.raises(InputError, match="already exists; choose another name"):
        write_hub_folder(trained(), tmp_path / "hub", CardFacts())
    assert list(tmp_path.iterdir()) == [tmp_path / "hub"]


class Unrecorded(Classification):
    """Does not show how it was built."""

    def __init__(self, function: Any) -> None:
        super().__init__(3)


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_does_not_tell_how_it_was_built(quick: None, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not record how its tasks was built"):
        write_hub_folder(
            trained(tasks={"kind": Unrecorded(lambda: 3)}), tmp_path / "hub", CardFacts()
        )
    assert list(tmp_path.iterdir()) == []


SUMMARY = {
    "metrics": {
        "test/kind/accuracy": 0.5,
        "test/kind/loss": 1.5,
        "test/size/r2": float("nan"),
        "test/size/mae": 3.25,
        "trivial/kind/accuracy": 0.625,
        "trivial/size/mae": 7.5,
        "test/score": 0.4,
    },
    "epochs": 12,
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder, with the best checkpoint and the last."""
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    for name in ("best", "last"):
        checkpoint(folder / f"checkpoints/{name}.ckpt")
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    (folder / "config.yaml").write_text("seed_everything: 7\ndata: {init_args: {batch_size: 64}}\n")
    told = {
        "command": "multitask fit --config=/home/alice/secret.yaml",
        "folder": "/home/alice",
        "packages": {"torch": "2.15.0", "wandb": "1"},
        "python": "3.12.1",
        "devices": ["2 CPUs"],
        "git": {"commit": "abc123", "dirty": False},
    }
    (folder / "provenance.yaml").write_text(yaml.safe_dump(told))
    return folder


def test_a_card_tells_what_the_run_knows(run: Path) -> None:
    facts = facts_of(run / "checkpoints/best.ckpt", "mit", "cc-by-4.0")
    card = card_of(trained(), facts)
    for words in (
        "| kind accuracy ↑ | 0.5 | 0.625 |",
        "| size mae ↓ | 3.25 | 7.5 |",
        "a probability for each of 3 classes: cat, dog, häst \\<b>",
        "| size | Regression | numbers in mm |",
        "12 x 10 pixels, grey",
        "| epochs | 12 |",
        "| samples in a batch | 64 |",
        "| seed | 7 |",
        "| commit | abc123 |",
        "kind: its accuracy is not better than the trivial predictor's.",
        "Of the model: mit.",
        "Of the data that it was trained on: cc-by-4.0.",
    ):
        assert words in card, words
    assert "alice" not in card
    assert "nan" not in card
    data = ModelCard(card).data
    assert data.license == "mit"
    assert data.model_name == "animals"
    values = {each.metric_name: each.metric_value for each in data.eval_results}
    assert values == {"kind accuracy": 0.5, "size mae": 3.25}


def test_metrics_of_another_checkpoint_are_not_its_own(run: Path) -> None:
    facts = facts_of(run / "checkpoints/last.ckpt")
    assert facts.metrics == []
    assert "the run tested best.ckpt, and this is last.ckpt" in facts.measured_on
    card = card_of(trained(), facts)
    assert "How good it is was not measured." in card
    assert "Of the model: not given." in card
    assert ModelCard(card).data.license is None


def test_a_checkpoint_carried_alone(tmp_path: Path) -> None:
    facts = facts_of(checkpoint(tmp_path / "best.ckpt"))
    card = card_of(trained(), facts)
    assert "its checkpoint was not in a finished run" in card
    assert "Splits: not given." in card
    assert "The folder of its run is not available" in card


HEADS = "task,metric,value,low,high,n,groups,trivial,note\n"


def test_intervals_of_an_evaluation(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(
        f"{HEADS}kind,accuracy,0.75,0.5,0.875,1080,,0.25,\nkind,loss,0.3,0.2,0.4,1080,,0.5,\n"
        "size,mae,2,,,40,,,one group\nsize,r2,nan,,,0,,,no label\n"
    )
    facts = facts_of(checkpoint(tmp_path / "x.ckpt"), evaluation=tmp_path)
    assert facts.metrics == [
        Measured("kind", "accuracy", 0.75, 0.25, (0.5, 0.875), 1080),
        Measured("size", "mae", 2.0, samples=40),
    ]
    card = card_of(trained(), facts)
    assert "| kind accuracy ↑ | 0.75 | 0.5 to 0.875 | 0.25 | 1,080 |" in card
    assert "| size mae ↓ | 2 |  |  | 40 |" in card


def test_metrics_of_another_model(quick: None, tmp_path: Path) -> None:
    facts = CardFacts(metrics=[Measured("age", "mae", 1.0)])
    with pytest.raises(InputError, match=r"of other tasks \(age\) than those of made.ckpt"):
        write_hub_folder(trained(), tmp_path / "hub", facts)


def test_folders_of_no_evaluation(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "x.ckpt")
    with pytest.raises(InputError, match=r"has no metrics.csv; give the folder that multitask"):
        facts_of(path, evaluation=tmp_path)
    for text in ("a,b\n1,2\n", f"{HEADS}kind,accuracy,much,,,,,,\n"):
        (tmp_path / "metrics.csv").write_text(text)
        with pytest.raises(InputError, match="is not a table that multitask evaluate wrote"):
            facts_of(path, evaluation=tmp_path)


@pytest.mark.parametrize("licence", ["MIT License", "mit\n---", "", "[x](http://y)"])
def test_licences_that_are_none(licence: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give it as the hub does, in small letters"):
        facts_of(tmp_path / "x.ckpt", licence)


def test_names_in_a_card_are_text() -> None:
    tasks = two_tasks()
    odd = ["<script>", "a|b", "![x](http://y)\n# Title"]
    tasks["kind"] = Classification(3, classes=odd)
    tasks["size"] = number(unit="<b>$x$")
    card = card_of(trained(tasks=tasks), CardFacts())
    assert "\\<script>" in card
    assert "a\\|b" in card
    assert "\n# Title" not in card
    assert "\\<b>\\$x\\$" in card
