"""Images that are made again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.testing import assert_close
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from multitask.augmentation import ColorJitter, RandomErasing, RandomHorizontalFlip
from multitask.data import Scenes, scenes
from multitask.data.dataset import InMemory
from multitask.data.image_targets import ImageTargets, with_images
from multitask.errors import InputError
from multitask.tasks import Reconstruction

NAN = float("nan")


def images() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(4, 3, 12, 14, generator=generator)
    output = target + 0.2 * torch.randn(target.shape, generator=generator)
    target[0, :, :2] = NAN
    target[1] = NAN
    return output, target


def test_metrics_are_those_of_the_split() -> None:
    task, (output, target) = Reconstruction(scale="none"), images()
    task.learn_statistics("copy", target)
    metrics = task.metrics()
    for rows in (slice(0, 1), slice(1, 3), slice(3, 4)):
        task.update_metrics(metrics, output[rows], target[rows])
    values = metrics.compute()
    known = target.isfinite()
    expected = peak_signal_noise_ratio(output[known], target[known], data_range=1.0)
    assert_close(values["psnr"], expected, rtol=1e-6, atol=1e-6)
    # Of the images that are known as a whole.
    similarity = structural_similarity_index_measure(output[2:], target[2:], data_range=1.0)
    assert isinstance(similarity, Tensor)
    assert_close(values["ssim"], similarity, rtol=1e-6, atol=1e-6)
    assert_close(values["mae"], (output - target)[known].abs().mean())


def test_small_images_have_no_structural_similarity() -> None:
    task = Reconstruction(1)
    metrics = task.metrics()
    task.update_metrics(metrics, torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 8))
    assert metrics["psnr"].compute().isfinite()
    assert not metrics["ssim"].update_called


def test_predictions_are_pictures(tmp_path: Path) -> None:
    output, _ = images()
    paths = Reconstruction().save(tmp_path / "copy", list("abcd"), output)
    found = torch.tensor(np.asarray(Image.open(paths["copy"][2]))).movedim(2, 0) / 255
    assert_close(found, output[2].clamp(0, 1), rtol=0, atol=0.51 / 255)


def test_the_target_is_the_image_before_its_colours_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for split, samples in {"train": 300, "val": 8, "test": 8}.items():
        monkeypatch.setitem(scenes.SAMPLES, split, samples)
    data = Scenes(
        tasks=["digit"],
        image_as="copy",
        batch_size=8,
        augmentations=[ColorJitter(brightness=0.5), RandomErasing(1.0), RandomHorizontalFlip(1.0)],
    )
    indices = torch.arange(8)
    batch = data.augmented(indices)
    plain = data.splits["train"].images(indices)
    assert_close(batch["copy"], plain.flip(3))
    assert not torch.equal(batch["copy"], batch["image"])
    tested = data.on_after_batch_transfer(data.splits["test"][indices], 0)
    assert torch.equal(tested["copy"], tested["image"])
    assert data.targets("train")["copy"].shape == (256, 3, 48, 48)


def test_bytes_become_numbers() -> None:
    samples = InMemory(torch.full((3, 1, 2, 2), 51, dtype=torch.uint8), {})
    assert_close(ImageTargets(samples)[torch.tensor([1])], torch.full((1, 1, 2, 2), 0.2))


def test_settings_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="the data already have a target with that name"):
        with_images({"train": InMemory(torch.rand(2, 1, 4, 4), {"a": torch.rand(2)})}, "a")
    with pytest.raises(InputError, match="no input 'image'"):
        with_images({"train": InMemory({"numbers": torch.rand(2, 3)}, {})}, "copy")
    with pytest.raises(InputError, match="psnr, which has no best value"):
        Reconstruction(headline="psnr")
    with pytest.raises(InputError, match="value_range is 0"):
        Reconstruction(value_range=0)
