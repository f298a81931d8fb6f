"""Files and arguments become one tree, in which what was replaced is still known."""

from __future__ import annotations

from pathlib import Path

import pytest

from multitask import InputError
from multitask.configuration.settings import Setting
from multitask.configuration.tree import read_configuration
from multitask.configuration.written_arguments import joined

FILE = """\
model:
  encoder: {class_path: pack.ConvNet, init_args: {grid: 2}}
trainer: {callbacks: [One], max_epochs: ten}
"""


def tree(*arguments: str) -> Setting:
    Path("one.yaml").write_text(FILE)
    return read_configuration(["fit", "--config=one.yaml", *arguments]).tree


def test_of_two_values_the_later_counts_and_the_earlier_is_kept() -> None:
    epochs = tree("--trainer.max_epochs=3").entries["trainer"].entries["max_epochs"]
    assert (epochs.content, epochs.place) == ("3", "--trainer.max_epochs=3")
    assert epochs.replaced is not None
    assert (epochs.replaced.content, epochs.replaced.place) == ("ten", "one.yaml:3")


def test_keys_lead_through_init_args_and_to_the_last_item_of_a_list() -> None:
    found = tree("--model.encoder.grid=3", "--trainer.callbacks+=Two", "--trainer.callbacks.x=1")
    encoder = {"class_path": "pack.ConvNet", "init_args": {"grid": "3"}}
    assert found.plain()["model"] == {"encoder": encoder}
    two = {"class_path": "Two", "init_args": {"x": "1"}}
    assert found.plain()["trainer"]["callbacks"] == ["One", two]


@pytest.mark.parametrize("key", ["encoder", "encoder.class_path"])
def test_another_class_begins_without_settings(key: str) -> None:
    assert tree(f"--model.{key}=other.ConvNet").plain()["model"]["encoder"]["init_args"]
    changed = tree(f"--model.{key}=MLP", "--model.encoder.width=1").entries["model"]
    assert changed.plain() == {"encoder": {"class_path": "MLP", "init_args": {"width": "1"}}}
    assert changed.entries["encoder"].replaced is not None


def test_a_value_after_a_space_is_joined_and_a_subject_is_not() -> None:
    given = ["--a.b", "-1", "RUN", "--print_config", "X", "-c", "file"]
    assert joined(given) == ["--a.b=-1", "RUN", "--print_config", "X", "-c=file"]


def test_the_only_setting_with_a_refused_value_is_located() -> None:
    configuration = read_configuration(["fit", "--data.size=3", "--data.other=4"])
    assert configuration.located("size is 3; give 4").startswith("--data.size=3: size is 3")
    assert configuration.located("size is 4; give 5").startswith("size is 4")
    with (
        pytest.raises(InputError, match="^--data.size=3: size is 3; no$"),
        configuration.located_errors(),
    ):
        refuse_inside_a_library()


def refuse_inside_a_library() -> None:
    try:
        raise InputError("size is 3; no")
    except InputError as error:
        raise TypeError("wrapped") from error


@pytest.mark.parametrize("key", ["accelerator", "accelerator.class_path"])
def test_a_word_that_a_class_replaces_is_not_taken_for_a_class(key: str) -> None:
    value = "Other" if "." in key else "{class_path: Other}"
    replaced = tree("--trainer.accelerator=cpu", f"--trainer.{key}={value}")
    found = replaced.entries["trainer"].entries["accelerator"]
    assert found.plain() == {"class_path": "Other"}
    assert found.replaced is not None
    assert (found.replaced.content, found.replaced.place) == ("cpu", "--trainer.accelerator=cpu")
