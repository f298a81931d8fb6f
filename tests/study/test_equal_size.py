"""Networks of the same size, and the table that shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from torch import nn

from multitask.errors import InputError
from multitask.study.equal_size import equal_width, parameters

PAGE = Path(__file__).parents[2] / "docs/study.md"


def line(width: int) -> nn.Module:
    return nn.Linear(3, width, bias=False)


@pytest.mark.parametrize(("wanted", "width"), [(3, 1), (30, 10), (31, 10), (32, 11), (34, 11)])
def test_the_nearest_width_is_found(wanted: int, width: int) -> None:
    assert equal_width(line, wanted) == width


def test_of_two_that_are_as_close_it_is_the_smaller_one() -> None:
    assert equal_width(lambda width: nn.Linear(2, width, bias=False), 7) == 3


def test_another_size_can_be_compared() -> None:
    assert equal_width(line, 100, size=lambda network: 2 * parameters(network)) == 17


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(InputError, match="a network of width 1 has the size 3, more than the 2"):
        equal_width(line, 2)
    with pytest.raises(InputError, match="up to a width of 8, no network has the size 100"):
        equal_width(line, 100, most=8)


def test_the_snippet_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    section = PAGE.read_text().split("## At equal size")[1]
    exec(re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0], {})
    wanted, found = re.findall(r"([\d,]+) parameters|: ([\d,]+)$", capsys.readouterr().out.strip())
    sizes = [int("".join(each).replace(",", "")) for each in (wanted, found)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.02)
