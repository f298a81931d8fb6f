"""Numbers for each pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import DenseRegression, Regression

NAN = float("nan")


def maps(size: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = 100 + 10 * torch.randn(4, size, 6, 8, generator=generator)
    target[torch.rand(4, size, 6, 8, generator=generator) < 0.3] = NAN
    return torch.randn(4, size, 6, 8, generator=generator), target


def rows(values: Tensor) -> Tensor:
    return values.movedim(1, -1).reshape(-1, values.shape[1])


@pytest.mark.parametrize("size", [1, 3])
def test_every_pixel_is_a_sample_of_a_regression(size: int) -> None:
    output, target = maps(size)
    dense, plain = DenseRegression(size), Regression(size)
    dense.learn_statistics("depth", target)
    plain.learn_statistics("depth", rows(target))
    assert_close(dense.mean, plain.mean)
    assert_close(dense.deviation, plain.deviation)
    assert_close(dense.loss(output, target), plain.loss(rows(output), rows(target)))
    assert_close(rows(dense.predict(output)), plain.predict(rows(output)))
    assert_close(rows(dense.trivial_output(output)), plain.trivial_output(rows(output)))
    found, expected = dense.metrics(), plain.metrics()
    dense.update_metrics(found, output, target)
    plain.update_metrics(expected, rows(output), rows(target))
    assert_close(found.compute(), expected.compute())


def test_one_number_needs_no_channel_axis() -> None:
    output, target = maps()
    one, two = DenseRegression(), DenseRegression()
    one.learn_statistics("depth", target)
    two.learn_statistics("depth", target[:, 0])
    assert_close(one.loss(output, target), two.loss(output, target[:, 0]))


@pytest.mark.parametrize(
    "target", [torch.zeros(4), torch.zeros(4, 6, 8).long(), torch.zeros(4, 2, 6, 8)]
)
def test_targets_that_are_no_maps_of_numbers(target: Tensor) -> None:
    with pytest.raises(InputError, match=r"shape \[samples, 1, height, width\]"):
        DenseRegression().check("depth", target, "training")


def test_an_infinite_pixel_is_told() -> None:
    _, target = maps()
    target[2, 0, 1, 1] = torch.inf
    with pytest.raises(InputError, match="the target of validation sample 2 is infinite"):
        DenseRegression().check("depth", target, "validation")


def test_predictions_are_files_of_numbers(tmp_path: Path) -> None:
    task, (output, target) = DenseRegression(unit="m"), maps()
    task.learn_statistics("depth", target)
    prediction = task.predict(output)
    paths = task.save(tmp_path / "depth", list("abcd"), prediction)
    assert list(paths) == task.column_names("depth") == ["depth"]
    assert np.array_equal(np.load(paths["depth"][1]), prediction[1].numpy())


def test_the_figure_shows_known_pixels() -> None:
    task, (output, target) = DenseRegression(unit="m"), maps()
    axes = Figure().subplots()
    assert task.draw(axes, task.predict(output), target)
    points = np.asarray(axes.collections[0].get_offsets())
    assert len(points) == target.isfinite().sum()
    assert axes.get_xlabel() == "true (m)"
