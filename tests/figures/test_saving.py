"""Figures with names that are no formulas."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from pages.hostile_names import HOSTILE
from PIL import Image

from multitask.figures.drawing import draw_task
from multitask.figures.heat_maps import draw_pairs
from multitask.figures.saving import MOST_LETTERS, save_drawing, save_figure
from multitask.tasks import Classification


def drawn(names: list[str], path: Path) -> Figure:
    """A figure with the names wherever a text can be."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    for axes, name in zip(figure.subplots(3, 4).flat, names, strict=True):
        axes.plot([0, 1], [1, 1000], label=name)
        axes.set_xticks([0, 1], [name, f"{name}{name}"])
        axes.set_yscale("log")
        axes.set(title=f"{name} ({name})", xlabel=name, ylabel=name)
        axes.text(0, 1, name)
        axes.legend()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Matplotlib itself may call what later versions of its libraries deprecate.
        warnings.filterwarnings("ignore", message=".*deprecated.* use ")
        save_figure(figure, path, dpi=50)
    return figure


@pytest.mark.usefixtures("fine_pictures")
def test_any_name_is_drawn(tmp_path: Path) -> None:
    names = [name for name in HOSTILE if "$" in name or len(name) > 100 or not name.isprintable()]
    figure = drawn(names[:12], tmp_path / "new/a.png")
    assert Image.open(tmp_path / "new/a.png").size == (400, 300)
    for axes in figure.axes:
        ticks = axes.get_xticklabels()
        assert not any(text.get_parse_math() for text in [axes.title, axes.xaxis.label, *ticks])
        assert all(text.get_parse_math() for text in axes.get_yticklabels())
        lines = [line for text in ticks for line in text.get_text().split("\n")]
        assert max(map(len, lines)) <= MOST_LETTERS
        assert "\x1b" not in "".join(lines)


def test_a_figure_that_cannot_be_drawn_is_a_warning(tmp_path: Path) -> None:
    def broken() -> Figure:
        raise ValueError("no\nroom")

    path = tmp_path / "a.png"
    path.write_text("of an earlier report")
    with pytest.warns(UserWarning, match=r"the figure .*a.png could not be drawn: no room"):
        assert save_drawing(broken, path, dpi=50)
    assert not path.exists()
    path.write_text("of an earlier report")
    assert not save_drawing(lambda: None, path, dpi=50)
    assert not path.exists()


@pytest.mark.parametrize("classes", [2, 60])
def test_what_the_program_writes_itself_is_drawn_whole(tmp_path: Path, classes: int) -> None:
    values = dict.fromkeys(("accuracy", "balanced_accuracy", "calibration_error", "auroc"), 0.12345)
    target = torch.arange(classes)
    prediction = torch.eye(classes).roll(1, 0)
    figure = draw_task("kind", Classification(classes), prediction, target, values)
    assert figure is not None
    save_figure(figure, tmp_path / "kind.png", 50)
    pairs = draw_pairs(["a", "b"], torch.zeros(1), torch.zeros(1), torch.tensor([1000]))
    save_figure(pairs, tmp_path / "pairs.png", 50)
    for each in (*figure.findobj(Text), *pairs.findobj(Text)):
        assert "…" not in each.get_text()
