"""The figure of what was learned to be shared shows the start, the way and the end."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from multitask.figures import mixing
from multitask.figures.mixing import SharesOverTime, draw_mixing
from multitask.figures.saving import save_figure


def numbers(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def test_shows_the_start_the_way_and_the_end() -> None:
    shares = torch.tensor(
        [[[0.5, 0.5], [0.5, 0.5]], [[0.6, 0.4], [0.5, 0.5]], [[0.9, 0.1], [0, 1]]]
    )
    place = SharesOverTime("experts", ["expert 1", "expert 2"], shares)
    figure = draw_mixing([0, 50, 70], ["digit", "glyph"], [place])
    assert titles(figure) == ["at first", "digit", "glyph", "in the end"]
    first, digit, glyph, last = figure.axes
    assert first.get_ylabel() == "experts"
    assert numbers(first) == ["0.50"] * 4
    assert numbers(last) == ["0.90", "0.10", "0.00", "1.00"]
    assert [label.get_text() for label in last.get_yticklabels()] == ["digit", "glyph"]
    for axes, task in ((digit, 0), (glyph, 1)):
        for part, line in enumerate(axes.lines):
            assert line.get_xdata().tolist() == [0, 50, 70]
            assert line.get_ydata() == pytest.approx(shares[:, task, part].tolist())
    # A line has the colour of its part's name.
    names = [label.get_color() for label in last.get_xticklabels()]
    assert names == [line.get_color() for line in digit.lines]
    assert names[0] != names[1]


def test_negative_shares_are_on_a_scale_of_opposites_and_no_zero_has_a_minus() -> None:
    shares = torch.tensor([[[1.2, -0.6], [-0.001, 1.0]]])
    figure = draw_mixing([0], ["a", "b"], [SharesOverTime("stage", ["a", "b"], shares)])
    assert figure.axes[0].images[0].get_clim() == pytest.approx((-1.2, 1.2))
    assert numbers(figure.axes[0]) == ["1.20", "-0.60", "0.00", "1.00"]


def test_of_many_those_that_change_most_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    for what, most in (("PLACES", 2), ("TASKS", 2), ("PARTS", 3)):
        monkeypatch.setattr(mixing, f"MOST_{what}", most)
    shares = torch.zeros(5, 3, 40, 50)
    shares[1, 1, 37, 44], shares[3, 2, 5, 3] = 0.9, torch.nan
    places = [
        SharesOverTime(f"stage {at}", [f"p{part}" for part in range(50)], each)
        for at, each in enumerate(shares)
    ]
    figure = draw_mixing([0, 1, 2], [f"t{task}" for task in range(40)], places)
    assert titles(figure)[:4] == ["at first", "t0", "t37", "in the end"]
    assert figure.axes[4].get_ylabel() == "stage 1"
    shown = [label.get_text() for label in figure.axes[4].get_xticklabels()]
    assert shown == ["p0", "p1", "p44"]
    assert figure.get_suptitle().split("\n")[1:] == [
        "2 of 5 places",
        "2 of 40 tasks",
        "3 of 50 parts",
    ]


def test_any_names_one_task_and_unknown_shares_are_drawn(tmp_path: Path) -> None:
    place = SharesOverTime(
        "\x1b$\\frac$ 层", ["$x_", "纳什" * 30], torch.full((2, 1, 2), torch.nan)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(draw_mixing([0, 3], ["$\\frac$ " * 20], [place]), tmp_path / "sharing.png")
    assert imread(tmp_path / "sharing.png").std() > 0.01
