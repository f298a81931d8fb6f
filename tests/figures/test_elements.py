"""Each element of a vector is drawn over its own targets, under its own name."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from multitask.figures.drawing import draw_task
from multitask.figures.elements import MOST_PANELS
from multitask.tasks import DenseRegression, Regression


def panels(figure: Any) -> list[Any]:
    return [axes for axes in figure.axes if axes.get_visible()]


@pytest.mark.parametrize("size", [2, 5, 16])
def test_a_panel_for_each_with_the_tables_name(size: int) -> None:
    target = torch.rand(20, size)
    target[3, 1] = float("nan")
    names = [f"column {place}" for place in range(size)]
    figure = draw_task("place", Regression(size), target.nan_to_num(), target, {"r2": 0.5}, names)
    found = panels(figure)
    assert [axes.get_title().split("\n")[0] for axes in found] == names
    assert "R² 1" in found[0].get_title()
    points = [len(axes.collections[0].get_offsets()) for axes in found]
    assert points == [20, 19, *[20] * (size - 2)]
    assert figure is not None
    assert figure.get_suptitle() == "place (20 samples)\nr2 0.5"


def test_names_are_those_of_predictions_where_the_data_have_none() -> None:
    figure = draw_task("place", Regression(2), torch.rand(4, 2), torch.rand(4, 2))
    assert [axes.get_title().split("\n")[0] for axes in panels(figure)] == ["place_0", "place_1"]


def test_of_many_the_worst_are_drawn() -> None:
    target = torch.randn(30, 128)
    prediction = target.clone()
    prediction[:, 100:] += torch.randn(30, 28)
    figure = draw_task("place", Regression(128), prediction, target)
    assert figure is not None
    names = [axes.get_title().split("\n")[0] for axes in panels(figure)]
    assert len(names) == MOST_PANELS
    assert all(int(name.removeprefix("place_")) >= 100 for name in names)
    assert "16 worst of 128" in figure.get_suptitle()


def test_maps_of_vectors_have_their_elements_too() -> None:
    maps = torch.rand(3, 2, 4, 4)
    found = panels(draw_task("flow", DenseRegression(2), maps, maps))
    assert [len(axes.collections[0].get_offsets()) for axes in found] == [48, 48]


class Angle(Regression):
    """Draws both elements together."""

    def draw(self, axes: Any, prediction: torch.Tensor, target: torch.Tensor) -> bool:
        assert prediction.shape == (4, 2)
        return True


def test_a_way_to_draw_of_its_own_gets_all_elements() -> None:
    figure = draw_task("angle", Angle(2), torch.rand(4, 2), torch.rand(4, 2))
    assert len(panels(figure)) == 1


def test_numbers_that_are_none_are_left_out() -> None:
    prediction = torch.tensor([[1.0], [float("inf")], [float("nan")]])
    (axes,) = panels(draw_task("size", Regression(), prediction, torch.ones(3)))
    assert len(axes.collections[0].get_offsets()) == 1
