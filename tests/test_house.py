"""How the package is laid out: rooms, the direction of imports, and the picture of both."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import multitask

ROOT = Path(__file__).parents[1]
PACKAGE = Path(multitask.__file__).parent
MODELS = {"balancing", "encoders", "heads", "module", "passes", "sharing", "tasks", "training"}
ABOVE = {"after", "callbacks", "runs", "study"}


def room_of(path: Path) -> str:
    """The folder of a file, or the file itself if it lies at the top."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """What a file imports when it runs, not for its types alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        else:
            yield from imported(node)


def length(path: Path) -> int:
    """Number of lines of a file."""
    return len(path.read_text().splitlines())


def lines_of_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Number of lines below a function's signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return function.end_lineno - body[0].lineno + 1 if body and function.end_lineno else 0


@cache
def parsed(path: Path) -> ast.Module:
    """The tree of a file."""
    return ast.parse(path.read_text())


def arrows() -> dict[str, set[str]]:
    """Which rooms each room imports."""
    found: dict[str, set[str]] = {}
    # Templates are the beginnings of other people's packages.
    for path in [each for each in PACKAGE.rglob("*.py") if "template" not in each.parts]:
        room = room_of(path)
        names = [each.split(".") for each in imported(parsed(path))]
        rooms = {name[1] for name in names if name[0] == "multitask" and len(name) > 1}
        found.setdefault(room, set()).update(rooms - {room, "MultiTask", "InputError"})
    return found


def test_the_top_level_is_a_few_files_and_rooms() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 6


def test_rooms_stay_small_enough_to_read() -> None:
    assert length(PACKAGE / "module.py") <= 220
    assert sum(map(length, (PACKAGE / "cli").glob("*.py"))) <= 2_200


def test_no_function_is_longer_than_a_page() -> None:
    found = {
        f"{path.relative_to(PACKAGE)}: {node.name}": lines_of_body(node)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in found.items() if lines > 40} == {}


def test_no_room_imports_one_that_imports_it() -> None:
    left = arrows()
    # The package's front door hands out the model when asked.
    left.pop("__init__")
    while free := [room for room, others in left.items() if not others & left.keys()]:
        for room in free:
            del left[room]
    assert left == {}


def test_arrows_point_one_way() -> None:
    for room, others in arrows().items():
        if room not in ("cli", "__main__"):
            assert "cli" not in others, room
        if room in MODELS:
            assert not others & ABOVE, room
        if room in ("data", "geometry", "augmentation", "tables", "images"):
            assert not others & (MODELS | ABOVE), room


def test_the_picture_is_the_house() -> None:
    page = (ROOT / "docs/where_is.md").read_text()
    picture = page.split("src/multitask/\n")[1].split("```")[0]
    drawn = re.findall(r"^  ([a-z_]+(?:\.py|/))", picture, re.MULTILINE)
    files = [path.name for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]
    rooms = [f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")]
    assert sorted(drawn) == sorted([*files, *rooms])
