"""A list takes as many questions to the parser with thousands of items as with a few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonargparse
import pytest
import yaml
from jsonargparse import _typehints

from multitask import InputError
from multitask.cli.command_line import CommandLine
from multitask.configuration import types

ROOT = Path(__file__).parents[2]
WORK = {
    "parsers": (jsonargparse.ArgumentParser, "__init__"),
    "values": (_typehints, "adapt_typehints"),
    "copies": (_typehints, "deepcopy"),
    "questions": (types, "_parser_takes"),
}
"""What checking and parsing take: where each is done."""


class Parsed(CommandLine):
    """The command line without the objects."""

    def instantiate_classes(self) -> None:
        """Nothing."""


def arguments(classes: list[Any], weights: list[Any]) -> list[str]:
    config = yaml.safe_load((ROOT / "configs/experiment/digits.yaml").read_text())
    settings = {"num_classes": len(classes), "classes": classes, "class_weights": weights}
    config["model"]["tasks"]["digit"]["init_args"].update(settings)
    Path("long.yaml").write_text(yaml.safe_dump(config))
    return ["fit", "--config=long.yaml"]


def names(count: int) -> list[Any]:
    return [f"class {place}" for place in range(count)]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each kind of work was done."""
    done: Counter[str] = Counter()

    def counted(name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            done[name] += 1
            return do(*args, **kwargs)

        return run

    for name, (owner, attribute) in WORK.items():
        monkeypatch.setattr(owner, attribute, counted(name, getattr(owner, attribute)))
    return done


@pytest.mark.usefixtures("new_parser")
def test_thousands_of_items_are_as_little_work_as_ten(work: Counter[str]) -> None:
    # The first time the parsers of classes are built, which are kept.
    for _ in range(2):
        work.clear()
        Parsed(arguments(names(10), [1.0, 2] * 5))
    few = Counter(work)
    assert all(few[name] for name in ("parsers", "values", "questions"))
    work.clear()
    found = Parsed(arguments(names(5000), [1.0, 2] * 2500)).config.model.tasks["digit"]
    assert work == few
    assert found.init_args.classes == names(5000)
    assert found.init_args.class_weights == [1.0, 2.0] * 2500
    assert {type(each) for each in found.init_args.class_weights} == {float}


def test_one_wrong_item_among_thousands_is_told(work: Counter[str]) -> None:
    with pytest.raises(InputError, match="classes should be a list of texts or null, not"):
        Parsed(arguments([*names(5000), 5], [1.0] * 5001))
    with pytest.raises(
        InputError, match="class_weights should be a list of numbers, .balanced. or null"
    ):
        Parsed(arguments(names(5000), [*([1.0] * 4999), "heavy"]))
    assert work["questions"] < 100
