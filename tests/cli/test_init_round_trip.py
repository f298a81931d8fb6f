"""What ``multitask init`` writes is what ``fit`` reads, whatever columns and classes are called."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from multitask.cli.arguments import prepare
from multitask.cli.command_line import CommandLine
from multitask.cli.init_command import init_command
from multitask.configuration.yaml_text import Loader
from multitask.data import Table
from multitask.errors import InputError
from multitask.inspection.table_contents import TableContents, read_contents

ROWS = 12
WORDS = [
    *(
        "yes",
        "Yes",
        "no",
        "NO",
        "on",
        "off",
        "y",
        "N",
        "true",
        "False",
        "null",
        "NULL",
        "None",
        "~",
    ),
    *("1", "0", "-1", "00", "1e3", "1E3", "0x1F", "0o17", "0b1", "1_000", "12:30:00", "1.5"),
    *(".inf", "-.INF", ".nan", ".5", "2001-01-01", "2001-01-01T00:00:00Z", "=", "<<", "."),
    *("- d", "-", "--", "---", "...", "?", "? x", ":", "a: b", "a:b", ":a", "#x", "x #y", "%", "@"),
    *("'q'", '"q"', "'", '"', "`", "{}", "{a: b}", "{a}", "[]", "[x]", "[x, y]", "]", "}", ","),
    *("*a", "&a", "!x", "!!int 3", "!!python/object:os.system", "|", ">", "|-", "> x", "\\", "\\n"),
    *(
        "a\\",
        "${x}",
        "$x",
        "$HOME",
        "%x",
        "a,b",
        "a;b",
        "a|b",
        "a.b",
        "a.b.c",
        "a[0]",
        "x+",
        "config+",
    ),
    *(
        "tab\tx",
        "\ttab",
        "new\nline",
        "a\r\nb",
        "\n",
        " ",
        "  ",
        " lead",
        "trail ",
        "\xa0",
        "\u3000x",
    ),
    *(
        "\x00",
        "\x07",
        "\x1b[0m",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeffx",
        "\u202ex",
        "\ufffe",
        "\ue000",
    ),
    *(
        "猫",
        "猫と犬",
        "😀",
        "😀\t",
        "\U0010ffff",
        "\U000e0041",
        "é",
        "é",
        "\uff21\uff22",
        "x" * 300,
        "猫" * 300,
    ),
    *("class_path", "init_args", "dict_kwargs", "config", "c", "help", "h", "print_config", "data"),
    *(
        "model",
        "tasks",
        "image",
        "index",
        "file",
        "loss",
        "score",
        "train",
        "type",
        "self",
        "weight",
    ),
    *("targets", "columns", "classes", "follows", "_x", "__class__", "@source", "=1+1", "<b>"),
]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images, which are decoded once."""
    path = tmp_path_factory.mktemp("photos")
    for row in range(ROWS):
        Image.fromarray(np.full((8, 8), 20 * row, np.uint8)).save(path / f"{row}.png")
    return path


@pytest.fixture
def folder(_own_folder: None, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(photos)
    monkeypatch.setenv("MULTITASK_CACHE", str(photos / "cache"))
    return photos


def write(path: Path, names: Sequence[str], classes: Sequence[str], image: str) -> None:
    """A table of which every other column has three of the classes, and the others numbers."""
    columns = {image: [f"{row}.png" for row in range(ROWS)]}
    for place, name in enumerate(names):
        numbers = [f"{(row * 7 + place) % 11 * 0.5 + 0.25}" for row in range(ROWS)]
        kinds = [classes[(row % 3 + 2 * place) % len(classes)] for row in range(ROWS)]
        columns[name] = numbers if place % 2 else kinds
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])


def check(config: Path, wanted: TableContents, *arguments: str) -> CommandLine:
    """Read a configuration as ``fit`` does, and compare it with the table."""
    read = CommandLine(prepare(["fit", f"--config={config}", *arguments]))
    data = read.datamodule
    assert isinstance(data, Table)
    assert {name: each.names for name, each in data.target_columns.items()} == {
        each.task: [column.name for column in each.columns] for each in wanted.targets
    }
    classes = {each.task: list(each.classes) for each in wanted.targets}
    assert {name: each.class_names for name, each in data.target_columns.items()} == classes
    assert {
        name: list(task.class_names or ()) for name, task in read.model.named_tasks.items()
    } == classes
    assert (data.image_column, list(data.missing)) == (wanted.image.name, wanted.missing)
    assert data.sources[0].table.resolve() == wanted.path.resolve()
    return read


def round_trip(
    folder: Path, table: str, names: Sequence[str], classes: Sequence[str], image: str
) -> str:
    """Returns why the table was refused; empty where an experiment was written and read."""
    path, config = Path(table), folder / "experiment.yaml"
    write(path, names, classes, image)
    config.unlink(missing_ok=True)
    try:
        init_command([f"./{table}", f"--output={config}", f"--image_column={image}"])
    except InputError as error:
        return str(error)
    wanted = read_contents(path, image)
    tasks = [each.task for each in wanted.targets]
    some = [*tasks[:2], *(name for name in tasks if name.lower() in ("on", "null", "c", "help"))]
    read = check(config, wanted, *(f"--model.tasks.{name}.weight=3" for name in some))
    assert {read.model.named_tasks[name].weight for name in some} == {3.0}
    # And what a run keeps of it.
    (folder / "kept.yaml").write_text(read.text, encoding="utf-8")
    kept = yaml.load((folder / "kept.yaml").read_text(encoding="utf-8"), Loader)
    # With paths as text, and tuples as lists.
    given = json.loads(json.dumps(read.config.as_dict(), default=str))
    assert [kept["model"], kept["data"]] == [given["model"], given["data"]]
    return ""


@pytest.mark.parametrize("part", range(6))
def test_words_that_yaml_takes_for_something_else(folder: Path, part: int) -> None:
    # Blanks around a name are left out, and no two columns are called the same.
    names = list({each.strip(): each for each in WORDS[part::6]}.values())
    classes = WORDS[(part + 3) % 6 :: 6]
    assert not round_trip(folder, "words.csv", names, classes, "file_name")


@pytest.mark.parametrize("name", ["1e3", "- d", "#x", "a: b", "😀\tx"])
def test_names_of_images_and_tables(folder: Path, name: str) -> None:
    assert not round_trip(folder, f"{name}.csv", ["kind"], ["a", "b", "c"], name)


NAMES = st.text("-:#[]{}*&!|>%@`'\",?=~.+$\\ \t\n01eyno", min_size=1, max_size=6) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8
)


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    names=st.lists(NAMES, min_size=2, max_size=6, unique=True),
    classes=st.lists(NAMES, min_size=2, max_size=4, unique=True),
)
def test_any_names(folder: Path, names: list[str], classes: list[str]) -> None:
    refused = round_trip(folder, "any.csv", names, classes, "file_name")
    assert len(refused.splitlines()) < 2
