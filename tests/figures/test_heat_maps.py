"""Heat maps of pairs show each pair twice: its cosine, and how often it conflicts."""

from __future__ import annotations

import torch

from multitask.figures.heat_maps import draw_pairs


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
