"""The data have the documented shapes, and the experiment trains with them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from multitask.cli.main import main

from my_project.shapes import SHAPES, SIDE, Shapes
from my_project.small_net import SmallNet

ROOT = Path(__file__).parents[1]


def test_labels_are_missing_as_asked() -> None:
    data = Shapes(samples=30, labelled=10)
    data.setup()
    shapes, sizes = (data.targets("train")[name] for name in ("shape", "size"))
    assert (shapes >= 0).sum() == 10
    assert shapes.max() < len(SHAPES)
    assert sizes.isfinite().all()


def test_larger_shapes_are_brighter() -> None:
    data = Shapes(samples=500, labelled=500)
    data.setup()
    batch = data.splits["train"][torch.arange(500)]
    discs = batch["shape"] == SHAPES.index("disc")
    brightness = batch["image"][discs].mean((1, 2, 3))
    assert torch.corrcoef(torch.stack([brightness, batch["size"][discs]]))[0, 1] > 0.9


def test_encoder_gives_a_vector_for_each_image() -> None:
    assert SmallNet(channels=4, out_features=8)(torch.rand(2, 1, SIDE, SIDE)).shape == (2, 8)


def test_experiment_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = ROOT / "configs/experiment/shapes.yaml"
    quick = ["max_epochs=1", "limit_train_batches=2", "limit_val_batches=1", "accelerator=cpu"]
    trainer = [f"--trainer.{each}" for each in (*quick, "enable_progress_bar=false")]
    main(["fit", f"--config={config}", *trainer, "--run.wandb=off", "--run.figures=false"])
    assert list(tmp_path.glob("runs/shapes/*/checkpoints/best.ckpt"))
