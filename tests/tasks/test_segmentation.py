"""A class for each pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close
from torchmetrics.classification import MulticlassJaccardIndex

from multitask.encoders import Maps, Vector
from multitask.errors import InputError
from multitask.tasks import Segmentation


def maps(seed: int = 0, missing: float = 0.3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(3, (4, 6, 8), generator=generator)
    target[torch.rand(4, 6, 8, generator=generator) < missing] = -100
    return torch.randn(4, 3, 6, 8, generator=generator), target


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_mean_over_known_pixels(smoothing: float) -> None:
    output, target = maps()
    total, count = Segmentation(3, label_smoothing=smoothing).loss(output, target)
    assert count == (target >= 0).sum()
    assert_close(total / count, cross_entropy(output, target, label_smoothing=smoothing))


def test_class_weights_divide_the_mean() -> None:
    output, target = maps()
    weights = [1.0, 2.0, 0.5]
    total, count = Segmentation(3, class_weights=weights).loss(output, target)
    assert_close(total / count, cross_entropy(output, target, torch.tensor(weights)))


def test_a_loss_of_ones_own_gets_a_row_for_each_pixel() -> None:
    class Rows(nn.Module):
        def forward(self, output: Tensor, target: Tensor) -> Tensor:
            assert output.shape == (4 * 6 * 8, 3)
            return cross_entropy(output, target, reduction="none")

    output, target = maps()
    own, plain = (Segmentation(3, loss=each).loss(output, target) for each in (Rows(), None))
    assert_close(own, plain)


def test_a_map_without_a_known_pixel_has_no_loss_but_a_gradient() -> None:
    output, target = maps(missing=1.1)
    output.requires_grad_()
    total, count = Segmentation(3).loss(output, target)
    assert (float(total), float(count)) == (0, 0)
    total.backward()
    assert output.grad is not None
    assert not output.grad.any()


def test_metrics_are_of_all_pixels_of_the_split() -> None:
    task, expected = Segmentation(4), MulticlassJaccardIndex(4, ignore_index=-100)
    metrics, right, known = task.metrics(), 0, 0
    for seed in range(3):
        output, target = maps(seed)
        output = torch.cat([output, torch.full((4, 1, 6, 8), -50.0)], 1)
        task.update_metrics(metrics, output, target)
        expected.update(output.argmax(1), target)
        right += int((output.argmax(1) == target).sum())
        known += int((target >= 0).sum())
    # The fourth class never occurs, and is left out.
    found = metrics.compute()
    assert_close(found["iou"], expected.compute())
    assert_close(found["accuracy"], torch.tensor(right / known))


def test_the_trivial_predictor_is_the_commonest_class() -> None:
    task, (output, target) = Segmentation(3), maps()
    target[target == 0] = 1
    task.learn_statistics("mask", target)
    trivial = task.trivial_output(output)
    assert trivial.shape == output.shape
    assert (trivial.argmax(1) == 1).all()
    assert task.class_frequencies[0] == 0


def test_bytes_are_checked_as_class_numbers() -> None:
    _, target = maps()
    packed = torch.where(target < 0, 255, target).to(torch.uint8)
    one, two = Segmentation(3), Segmentation(3)
    one.learn_statistics("mask", packed)
    two.learn_statistics("mask", target)
    assert torch.equal(one.class_frequencies, two.class_frequencies)
    with pytest.raises(InputError, match="include class 2, but num_classes is 2"):
        Segmentation(2).check("mask", packed, "training")


@pytest.mark.parametrize("target", [torch.zeros(4).long(), torch.zeros(4, 6, 8)])
def test_targets_that_are_no_maps_of_classes(target: Tensor) -> None:
    with pytest.raises(InputError, match="task 'mask': .* a class number for each pixel"):
        Segmentation(3).check("mask", target, "training")


def test_outputs_of_another_size_are_refused() -> None:
    output, target = maps()
    with pytest.raises(InputError, match="its head returns 6x8, but its targets are 6x7 pixels"):
        Segmentation(3).loss(output, target[:, :, :7])


def test_a_vector_cannot_become_a_map() -> None:
    with pytest.raises(InputError, match="needs maps, but the encoder returns a vector"):
        Segmentation(3).build_head(Vector(5))
    assert Segmentation(3).build_head(Maps((4,), (2,)))([torch.rand(1, 4, 3, 3)]).shape[1] == 3


def test_predictions_are_files_of_class_numbers(tmp_path: Path) -> None:
    task, (output, target) = Segmentation(3), maps()
    prediction = task.predict(output)
    assert_close(prediction.sum(1), torch.ones(4, 6, 8))
    paths = task.save(tmp_path / "mask", list("abcd"), prediction)
    assert list(paths) == task.column_names("mask") == ["mask"]
    pixels = np.asarray(Image.open(paths["mask"][2]))
    assert np.array_equal(pixels, output[2].argmax(0).numpy())
    assert task.columns("mask", prediction) == task.side_by_side(prediction, target) == {}


def test_the_figure_counts_pixels() -> None:
    task, (output, target) = Segmentation(3), maps()
    axes = Figure().subplots()
    assert task.draw(axes, task.predict(output), target)
    counts = sum(int(text.get_text()) for text in axes.texts)
    assert counts == (target >= 0).sum()
