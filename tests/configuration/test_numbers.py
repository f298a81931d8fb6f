"""A number counts as a person wrote it, or is refused: YAML 1.1 has other numbers than people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multitask import InputError
from multitask.cli.check import check_arguments
from multitask.cli.command_line import CommandLine
from multitask.cli.study_command import read_study
from multitask.configuration.settings import read_argument, read_config
from multitask.configuration.yaml_text import read_yaml
from multitask.pages.yaml_text import to_yaml

OTHER_NUMBERS = ["1:30", "0b11", "0x1F", "0o17", "1:30.5", "1__0", "-1:30", "1,000"]
EXPERIMENT = """\
seed_everything: {seed}
data: {{class_path: multitask.data.PosedDigits, init_args: {{batch_size: {batch}}}}}
model:
  encoder: {{class_path: multitask.encoders.ConvNet, init_args: {{channels: [4, {channels}]}}}}
  tasks:
    digit:
      class_path: multitask.tasks.Classification
      init_args: {{num_classes: 10, weight: {weight}}}
trainer: {{max_epochs: 1, max_time: {time}}}
"""
PLAIN = {"seed": "1", "batch": "8", "channels": "4", "weight": "1", "time": "null"}


def experiment(**changed: str) -> list[str]:
    Path("x.yaml").write_text(EXPERIMENT.format(**(PLAIN | changed)))
    return ["fit", "--config=x.yaml"]


@pytest.mark.parametrize("number", OTHER_NUMBERS)
@pytest.mark.parametrize(
    ("key", "line", "named"),
    [
        ("seed", 1, "seed_everything is"),
        ("batch", 2, "batch_size should be a whole number, not"),
        ("channels", 4, "channels"),
        ("weight", 8, "weight should be a number, not"),
    ],
)
def test_another_number_is_refused_in_a_file(key: str, line: int, named: str, number: str) -> None:
    number = f'"{number}"' if "," in number else number
    with pytest.raises(InputError, match=rf"^x\.yaml:{line}: ") as refused:
        check_arguments(experiment(**{key: number}))
    assert named in str(refused.value)
    assert number.strip('"') in str(refused.value)


@pytest.mark.parametrize("number", OTHER_NUMBERS)
def test_another_number_is_refused_as_an_argument(number: str) -> None:
    for name in ("data.batch_size", "model.tasks.digit.weight", "trainer.gradient_clip_val"):
        with pytest.raises(InputError, match=r"decimal digits|write \d+$") as refused:
            check_arguments([*experiment(), f"--{name}={number}"])
        assert f"--{name}={number}: " in str(refused.value)


@pytest.mark.parametrize("number", ["1:30", "0b11", "1_000"])
def test_another_number_is_refused_in_a_study(number: str) -> None:
    for key, text in (("seeds", f"[{number}]"), ("tuning", f"{{trials: {number}}}")):
        lines = {"experiment": "x.yaml", "seeds": "[0]", "methods": "{a: }", key: text}
        Path("s.yaml").write_text("".join(f"{name}: {each}\n" for name, each in lines.items()))
        with pytest.raises(InputError, match=f"{key}: it should be a whole number, not {number}"):
            read_study(Path("s.yaml"))


def test_a_number_that_has_decimal_digits_counts_as_it_was_written() -> None:
    given = experiment(seed="017", batch="08", channels="+6", weight="00.5", time="12:00:00:00")
    found = CommandLine(given).config
    assert found.seed_everything == 17
    assert found.data.init_args.batch_size == 8
    assert found.model.encoder.init_args.channels == [4, 6]
    assert found.model.tasks["digit"].init_args.weight == 0.5
    assert found.trainer.max_time == "12:00:00:00"


TEXTS: dict[str, Any] = {
    "017": "017",
    "12:00:00:00": "12:00:00:00",
    "2024-01-31": "2024-01-31",
    "1_000": "1_000",
    "=": "=",
    "1e3": 1000.0,
    "-.5": -0.5,
    ".inf": float("inf"),
    "-0": 0,
    "1.": 1.0,
}


def test_every_reader_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("".join(f"k{place}: {each}\n" for place, each in enumerate(TEXTS)))
    expected = {f"k{place}": each for place, each in enumerate(TEXTS.values())}
    assert read_config(path).plain() == expected
    assert read_yaml(path) == expected
    assert read_argument(f"[{', '.join(TEXTS)}]", "--x").plain() == list(TEXTS.values())
    path.write_text(to_yaml(expected))
    assert read_yaml(path) == expected


@pytest.mark.parametrize("text", ["!!int 017", "!!int 1:30", "!!float 1_0.5"])
def test_a_tag_makes_no_other_number(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"a: {text}\n")
    with pytest.raises(InputError, match=r"x\.yaml:1: .* in decimal digits"):
        read_config(path)
