"""Detection of columns that form one vector, by their names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

AXIS_NUMBER = r"(?P<prefix>.*?)(?<![A-Za-z])(?P<axis>[xyz])[_.-]?(?P<number>\d+)"
NUMBER_AXIS = r"(?P<prefix>.*?)(?P<number>\d+)[_.-]?(?P<axis>[xyz])"
AXIS = r"(?P<prefix>.*?)(?<![A-Za-z])(?P<axis>[xyz])"
NUMBER = r"(?P<prefix>.*?[A-Za-z)])[_. -]?(?P<number>\d+)"
FORMS = (AXIS_NUMBER, NUMBER_AXIS, AXIS, NUMBER)
NAMELESS = {AXIS_NUMBER: "points", NUMBER_AXIS: "points", AXIS: "position"}

Place = tuple[int, str]


def vectors(names: Sequence[str]) -> Iterator[tuple[str, list[str], bool]]:
    """Find columns such as ``x1, y1, x2, y2``, ``eye_x, eye_y`` or ``landmark_0 ... landmark_9``.

    Only complete sets count: consecutive numbers from 0 or 1, each with the same axes, which are x
    and y, or x, y and z.

    Args:
        names: the columns that may belong to a vector.

    Yields:
        A name for the vector, its columns in order, and whether their names are axes, in
        which case they are numeric regardless of their cells.
    """
    left = list(names)
    for form in FORMS:
        families: dict[str, dict[Place, str]] = defaultdict(dict)
        for name in left:
            if match := re.fullmatch(form, name, re.IGNORECASE):
                found = {"number": "0", "axis": "", **match.groupdict()}
                place = (int(found["number"]), found["axis"].lower())
                families[found["prefix"]].setdefault(place, name)
        for prefix, places in families.items():
            if _is_whole(set(places), form):
                columns = [places[place] for place in sorted(places)]
                left = [name for name in left if name not in columns]
                yield prefix.strip("_.- ") or NAMELESS[form], columns, form != NUMBER


def _is_whole(places: set[Place], form: str) -> bool:
    numbers = {number for number, _ in places}
    axes = {axis for _, axis in places}
    full = {(number, axis) for number in numbers for axis in axes}
    follow = numbers in (set(range(len(numbers))), set(range(1, len(numbers) + 1)))
    known_axes = axes == {""} if form == NUMBER else axes in ({"x", "y"}, {"x", "y", "z"})
    return len(places) > 1 and places == full and follow and known_axes
