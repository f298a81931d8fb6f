"""Class names on a confusion matrix can be read, however many and however long they are."""

from __future__ import annotations

from itertools import pairwise
from math import nan

import pytest
import torch
from matplotlib.figure import Figure
from torch.nn.functional import one_hot

from multitask.figures.drawing import draw_task
from multitask.tasks import Classification
from multitask.tasks.confusion_figure import LETTERS, MOST_CLASSES, WORST, brief


def drawn(count: int, names: list[str] | None = None, is_right: bool = False) -> Figure:
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(count, (2000,), generator=generator)
    guess = target if is_right else torch.randint(count, (2000,), generator=generator)
    figure = draw_task("kind", Classification(count, names), one_hot(guess, count).float(), target)
    assert figure is not None
    figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize("count", [2, 5, 10, 20, 21, 50])
@pytest.mark.parametrize("name", ["{}", "Common name of species number {} (alba)", "$x_{}$ in $"])
def test_names_are_beside_each_other_and_inside(count: int, name: str) -> None:
    figure = drawn(count, [name.format(place) for place in range(count)])
    axes = figure.axes[0]
    for labels, ends in ((axes.get_xticklabels(), "x"), (axes.get_yticklabels(), "y")):
        assert len({label.get_text() for label in labels}) == count
        assert all(label.get_fontsize() >= 6 for label in labels)
        boxes = [label.get_window_extent() for label in labels]
        assert not any(one.overlaps(other) for one, other in pairwise(boxes)), ends
        assert all(figure.bbox.x0 <= box.x0 and figure.bbox.y0 <= box.y0 for box in boxes)
    assert max(figure.get_size_inches()) < 13


@pytest.mark.parametrize("count", [MOST_CLASSES + 1, 100, 1000])
def test_of_many_classes_the_most_frequent_confusions_are_drawn(count: int) -> None:
    axes = drawn(count, [f"species {place}" for place in range(count)]).axes[0]
    widths = [bar.get_width() for bar in axes.patches]  # type: ignore[attr-defined]
    assert len(widths) == WORST
    assert widths == sorted(widths, reverse=True)
    assert all("→" in label.get_text() for label in axes.get_yticklabels())


def test_no_confusion_is_said() -> None:
    (axes,) = drawn(60, is_right=True).axes
    assert [text.get_text() for text in axes.texts] == ["none of 2000 is wrong"]


def test_a_worst_pair_is_counted() -> None:
    target = torch.tensor([0] * 5 + [7] * 4 + [-100])
    guess = torch.tensor([1] * 3 + [0] * 2 + [7] * 5)
    figure = draw_task("kind", Classification(60), one_hot(guess, 60).float(), target)
    assert figure is not None
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0 → 1"]
    assert "3 of 5" in [text.get_text() for text in axes.texts]


def test_pixels_are_written_as_percentages() -> None:
    target = torch.arange(2).repeat_interleave(20_000)
    guess = torch.where(torch.arange(40_000) % 4 == 0, 1 - target, target)
    figure = draw_task("kind", Classification(2), one_hot(guess, 2).float(), target)
    assert figure is not None
    assert [text.get_text() for text in figure.axes[0].texts] == ["75", "25", "25", "75"]


def test_brief_names_differ() -> None:
    names = ["cat", f"{'a' * 30}{'b' * 30}", f"{'a' * 31}{'b' * 30}", "two\nlines"]
    short = brief(names)
    assert (short[0], short[3]) == ("cat", "two lines")
    assert len(set(short)) == 4
    assert all(len(each) <= LETTERS for each in short)


def test_titles_have_the_metrics_the_headline_first() -> None:
    values = {"f1": 0.51234, "accuracy": 0.75, "auroc": nan, "calibration_error": 0.1}
    figure = draw_task("kind", Classification(3), torch.eye(3), torch.arange(3), values)
    assert figure is not None
    title = figure.axes[0].get_title()
    assert title.startswith("kind (3 samples)\naccuracy 0.75, f1 0.512, auroc nan")
    assert "calibration error 0.1" in title


def test_a_title_of_many_metrics_is_inside() -> None:
    names = [f"Genus{place} species{place}" for place in range(MOST_CLASSES)]
    task = Classification(MOST_CLASSES, names)
    values = dict.fromkeys([str(each) for each in task.metrics()], 0.1234)
    guess = torch.arange(MOST_CLASSES)
    figure = draw_task("species of the animal", task, torch.eye(MOST_CLASSES), guess, values)
    assert figure is not None
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert axes.title.get_window_extent().y1 <= figure.bbox.height
    assert axes.xaxis.label.get_window_extent().y0 >= 0
