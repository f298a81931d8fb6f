"""Heat maps of pairs show each pair twice: its cosine, and how often it conflicts."""

from __future__ import annotations

import torch

from multitask.figures.heat_maps import MOST_TASKS, HeatMap, draw_heat_maps, draw_pairs


def test_cosines_are_above_and_conflicts_below_the_diagonal() -> None:
    figure = draw_pairs(["a", "b", "c"], torch.tensor([0.1, -0.2, 0.3]), torch.tensor([0, 0.5, 1]))
    above, below = (image.get_array().filled(float("nan")) for image in figure.axes[0].images)
    nan = float("nan")
    expected = torch.tensor([[nan, 0.1, -0.2], [nan, nan, 0.3], [nan, nan, nan]])
    torch.testing.assert_close(torch.tensor(above), expected, equal_nan=True)
    expected = torch.tensor([[nan, nan, nan], [0, nan, nan], [0.5, 1, nan]])
    torch.testing.assert_close(torch.tensor(below), expected, equal_nan=True)
    assert figure.axes[0].images[1].get_clim() == (0, 1)
    figure.canvas.draw()


def test_cosines_have_one_scale_and_their_number_of_batches() -> None:
    cosines, rates = torch.tensor([0.01, -0.02, 0.0]), torch.tensor([0.1, 0.9, 0.5])
    figure = draw_pairs(["a", "b", "c"], cosines, rates, torch.tensor([40, 3, 40]))
    assert figure.axes[0].images[0].get_clim() == (-1, 1)
    assert "3 to 40 batches" in figure.axes[0].get_title()


def test_of_hundreds_of_tasks_those_that_conflict_most_are_drawn() -> None:
    count = 300
    rates = torch.zeros(count * (count - 1) // 2)
    # The last pair is that of the last two tasks.
    rates[-1] = 0.9
    names = [f"t{place}" for place in range(count)]
    figure = draw_pairs(names, torch.zeros_like(rates), rates)
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(shown) == MOST_TASKS
    assert shown[-2:] == ["t298", "t299"]
    assert max(figure.get_size_inches()) < 13
    maps = [HeatMap("weight", names, torch.rand(count, 3))]
    assert max(draw_heat_maps([0, 1, 2], maps).get_size_inches()) < 13


def test_a_pair_of_tasks_with_long_names_is_not_squeezed_by_them() -> None:
    names = ["age of the person in years", "expression of the whole face"]
    figure = draw_pairs(names, torch.tensor([0.3]), torch.tensor([0.4]), torch.tensor([7]))
    figure.draw_without_rendering()
    box = figure.axes[0].get_window_extent()
    assert min(box.width, box.height) > 1.5 * figure.dpi
    labels = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert min(label.y0 for label in labels) >= 0
