"""Generate the table of task kinds in docs/tasks.md from the classes.

python docs/tasks.py
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from multitask import tasks
from multitask.tasks import Task

PAGE = Path(__file__).parent / "tasks.md"
BEGIN, END = "<!-- Made by docs/tasks.py -->", "<!-- To here -->"
NOT_SHOWN = ("Task", "ToyObjective")
SETTINGS: dict[str, dict[str, Any]] = {
    "Classification": {"num_classes": 3},
    "Ordinal": {"num_classes": 3},
    "Segmentation": {"num_classes": 3},
    "MultiLabel": {"labels": ["a", "b"]},
    "Keypoints": {"points": ["a", "b"]},
    "HeatMaps": {"points": ["a", "b"]},
    "Detection": {"classes": ["a", "b"]},
    "TokenLabels": {"labels": ["O", "B-a", "I-a"]},
}
"""What a class needs to be made."""
GEOMETRY = {
    "Angle": "`Angle`",
    "Box": "`Boxes`",
    "DenseRegression": "`PixelMap`",
    "Depth": "`PixelMap(scaled=-1)`",
    "Detection": "`BoxLists`",
    "Edges": "`PixelMap`",
    "HeatMaps": "`Positions`, `Landmarks`",
    "Keypoints": "`Positions`, `Landmarks`",
    "Normals": "`Normals`",
    "Reconstruction": "made from the image",
    "Segmentation": "`PixelMap`",
    "Regression": "any",
}
"""By which a target follows its image, in `multitask.geometry`; others do not move."""
LOSS = re.compile(r"[Tt]he loss (?:of an? \w+ |for each \w+ )?is (.+?)(?: \(|, |; |: |\. |\.$)")
TARGETS = re.compile(r"Targets have shape (.+?)(?:; |\. |\.$)")


def kinds() -> Iterator[tuple[str, type[Task]]]:
    """All kinds of tasks, by name."""
    for name in tasks.__all__:
        if name not in NOT_SHOWN:
            yield name, getattr(tasks, name)


def told(kind: type[Task], pattern: re.Pattern[str]) -> str:
    """The nearest docstring, of the class itself or of its base classes.

    Raises:
        LookupError: if there is none.
    """
    for each in kind.__mro__:
        if each is Task:
            break
        about = " ".join((inspect.getdoc(each) or "").split("Args:")[0].split())
        if found := pattern.search(about):
            return found[1].replace("``", "`")
    raise LookupError(f"the docstring of {kind.__name__} lacks {pattern.pattern}")


def row(name: str, kind: type[Task]) -> str:
    """A row of the table."""
    task = kind(**SETTINGS.get(name, {}))
    metrics = [f"**{each}**" if each == task.headline else each for each in task.metrics()]
    head = inspect.signature(kind).parameters["head"].default.__name__
    cells = [
        f"`{name}`",
        told(kind, TARGETS),
        told(kind, LOSS) + (" (may be negative)" if task.may_be_negative else ""),
        ", ".join(sorted(metrics, key=lambda each: not each.startswith("**"))),
        f"`{head}`",
        GEOMETRY.get(name, "does not move"),
    ]
    return "| " + " | ".join(" ".join(each.split()) for each in cells) + " |"


def table() -> str:
    """The whole table."""
    lines = ["| kind | targets | loss | metrics | head | geometry |", "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *(row(*each) for each in kinds())])


def page() -> str:
    """The page with a new table."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
