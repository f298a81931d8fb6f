"""Settings for a first training."""

from __future__ import annotations

import pytest
import torch

from multitask.encoders import ConvNet
from multitask.inspection.training_plan import training_plan


@pytest.mark.parametrize(
    ("samples", "batch", "epochs"), [(100_000, 64, 3), (1000, 64, 20), (140, 16, 38), (5, 5, 300)]
)
def test_a_few_hundred_steps_in_batches_that_training_has(
    samples: int, batch: int, epochs: int
) -> None:
    plan = training_plan(samples, (8, 8), 1)
    assert (plan.batch_size, plan.epochs) == (batch, epochs)
    assert plan.steps == samples // batch * epochs


def test_the_encoder_follows_the_images() -> None:
    assert training_plan(100, (63, 40), 3).encoder.endswith("ConvNet")
    large = training_plan(100, (64, 32), 3)
    assert large.encoder.endswith("Timm")
    assert large.encoder_settings == {"name": "resnet18", "pretrained": False, "in_channels": 3}


@pytest.mark.parametrize("size", [(8, 8), (1, 7), (3, 60)])
def test_small_images_do_not_vanish(size: tuple[int, int]) -> None:
    settings = training_plan(100, size, 1).encoder_settings
    assert ConvNet(**settings)(torch.rand(2, 1, *size)).shape == (2, 64)
