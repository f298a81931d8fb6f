"""Learning curves of a run, whatever it has logged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from lightning.pytorch import Trainer

from multitask import MultiTask
from multitask.callbacks import LearningCurves
from multitask.data import DataModule
from multitask.figures.epochs import Curve
from multitask.figures.learning_curves import MOST_PANELS, draw_learning_curves
from multitask.runs.metrics_file import MetricsFile

CURVE = Curve(np.arange(1.0, 4.0), np.arange(3.0))


def test_a_panel_for_each_metric_with_both_sets() -> None:
    curves = {"val/score": CURVE, "train/score": CURVE, "val/kind/f1": CURVE}
    figure = draw_learning_curves(curves, ["score", "kind/f1", "kind/loss"])
    assert figure is not None
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == ["score", "kind f1"]
    assert [len(axes.lines) for axes in shown] == [2, 1]
    assert draw_learning_curves({}, ["score"]) is None


def test_hundreds_of_tasks_make_no_endless_picture() -> None:
    curves = {f"val/t{place}/r2": CURVE for place in range(300)}
    figure = draw_learning_curves(curves, [f"t{place}/r2" for place in range(300)])
    assert figure is not None
    assert sum(axes.get_visible() for axes in figure.axes) == MOST_PANELS
    assert max(figure.get_size_inches()) < 25


def test_they_lie_in_the_runs_folder_once_it_is_trained(
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> None:
    metrics = tmp_path / "metrics.csv"
    made = trainer(callbacks=[LearningCurves(metrics, tmp_path / "figures/learning.png")])
    made.loggers = [MetricsFile(metrics)]
    made.fit(tiny_model(), tiny_data())
    assert (tmp_path / "figures/learning.png").stat().st_size > 5000


def test_epochs_are_whole_numbers_on_the_axis() -> None:
    figure = draw_learning_curves({"val/a": Curve(np.array([1.0, 2.0]), np.zeros(2))}, ["a"])
    assert figure is not None
    ticks = figure.axes[0].get_xticks()
    assert (ticks % 1 == 0).all()
