"""Of many tasks one figure shows how well each does."""

from __future__ import annotations

from math import nan

from multitask.figures.headlines import MOST, draw_headlines, lowest


def test_the_lowest_come_in_their_own_order_and_the_unknown_last() -> None:
    values = {"a": 0.9, "b": nan, "c": -3.0, "d": 0.1}
    assert lowest(values, 2) == ["c", "d"]
    assert lowest(values, 9) == ["a", "b", "c", "d"]


def test_each_task_has_a_bar_the_lowest_first() -> None:
    values = {"a": 0.9, "b": nan, "c": -0.001}
    words = {"a": "r2 0.9", "b": "unknown", "c": "r2 -30"}
    (axes,) = draw_headlines("val", values, words).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["c", "a", "b"]
    assert [text.get_text().strip() for text in axes.texts] == ["r2 -30", "r2 0.9", "unknown"]


def test_hundreds_are_no_endless_picture() -> None:
    values = {f"t{place}": place / 500 for place in range(500)}
    figure = draw_headlines("val", values, dict.fromkeys(values, "r2"))
    assert len(figure.axes[0].patches) == MOST
    assert max(figure.get_size_inches()) < 10
