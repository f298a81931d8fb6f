"""Metrics over epochs: of runs with different numbers of steps, and of an epoch that was cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multitask.figures.epochs import Curve, mean_curve, read_curves

NAME = "val/digit/accuracy"


def metrics(path: Path, rows: list[tuple[object, ...]]) -> Path:
    lines = ["step,epoch,name,value", *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_steps_become_epochs_also_in_the_middle_and_of_a_cut_last_one(tmp_path: Path) -> None:
    rows = [(4, 0, NAME, 0.1), (9, 0, NAME, 0.2), (19, 1, NAME, 0.3), (24, 2, NAME, 0.4)]
    rows += [(24, 3, "test/digit/accuracy", 0.9), (20, 2, "val/kind/f1", "nan")]  # type: ignore[list-item]
    found = read_curves(metrics(tmp_path / "metrics.csv", rows))
    assert list(found) == [NAME]
    np.testing.assert_allclose(found[NAME].epochs, [0.5, 1, 2, 2.5])
    np.testing.assert_allclose(found[NAME].values, [0.1, 0.2, 0.3, 0.4])


def test_the_last_value_of_a_step_counts_and_a_cut_row_does_not(
    tmp_path: Path,
) -> None:
    path = metrics(tmp_path / "metrics.csv", [(0, 0, NAME, 0.1), (0, 0, NAME, 0.2)])
    path.write_text("\ufeff" + path.read_text() + "1,0,val", encoding="utf-8")
    assert read_curves(path)[NAME].values.tolist() == [0.2]
    assert read_curves(path, ["val/other"]) == {}
    assert read_curves(tmp_path / "none.csv") == {}


def test_seeds_with_different_numbers_of_steps_have_a_mean_at_the_same_epoch(
    tmp_path: Path,
) -> None:
    curves = []
    for seed, steps in enumerate((10, 13)):
        rows = [(steps * (epoch + 1) - 1, epoch, NAME, epoch + seed) for epoch in range(3 + seed)]
        curves.append(read_curves(metrics(tmp_path / f"{seed}.csv", rows))[NAME])
    mean = mean_curve(curves)
    assert mean is not None
    np.testing.assert_allclose(mean.epochs, [1, 2, 3])
    np.testing.assert_allclose(mean.values, [0.5, 1.5, 2.5])


@pytest.mark.parametrize("epochs", [[], [[1.0, 2.0], [3.0]]])
def test_there_is_no_mean_where_no_epoch_has_all(epochs: list[list[float]]) -> None:
    curves = [Curve(np.array(each), np.array(each)) for each in epochs]
    assert mean_curve(curves) is None
