"""Augmentations and how targets follow, as a configuration says them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs/experiment"
BY_FILE = """
    augmentations:
    - class_path: multitask.augmentation.RandomCrop
      init_args:
        padding: 4
    - multitask.augmentation.RandomHorizontalFlip
    geometry:
      glyph:
        class_path: multitask.geometry.Thumbnail
        init_args:
          width: 4
"""


@pytest.fixture
def with_data(digits: str) -> Callable[[str], str]:
    """The argument that names the digits experiment with more settings of its data."""

    def write(more: str) -> str:
        text = Path(digits.removeprefix("--config=")).read_text()
        old = "    labelled_per_batch: 32\n"
        assert text.count(old) == 1
        Path("augmented.yaml").write_text(text.replace(old, old + more.lstrip("\n")))
        return "--config=augmented.yaml"

    return write


def test_a_training_with_augmentations(
    multitask: Callable[..., None], with_data: Callable[[str], str], quick: tuple[str, ...]
) -> None:
    drawn = ("--run.figures=true", "--run.test_after_fit=false")
    multitask("fit", with_data(BY_FILE), *quick[1:], *drawn)
    (run,) = Path("runs/digits").iterdir()
    assert (run / "figures/data/augmented.png").stat().st_size > 10_000
    said = yaml.safe_load((run / "config.yaml").read_text())["data"]["init_args"]
    kinds = [each["class_path"].rpartition(".")[2] for each in said["augmentations"]]
    assert kinds == ["RandomCrop", "RandomHorizontalFlip"]
    assert said["geometry"]["glyph"]["init_args"] == {"width": 4}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("RandomCrop", "RandomCrp", ["augmented.yaml:", "'RandomCrp'", "'RandomCrop'"]),
        ("padding: 4", "padding: four", ["augmented.yaml:", "whole number", "'four'"]),
        ("padding: 4", "padding: 0", ["augmented.yaml:", "padding is 0", "at least 1"]),
        ("      glyph:", "      glyf:", ["data.geometry.glyf", "did you mean 'glyph'"]),
        ("Thumbnail", "Thumbnial", ["augmented.yaml:", "'Thumbnial'", "'Thumbnail'"]),
        ("width: 4", "width: 5", ["data.geometry.glyph", "rows of 5", "has 16"]),
    ],
)
def test_a_mistake_is_told_in_one_sentence(
    fails: Callable[..., str], with_data: Callable[[str], str], old: str, new: str, says: list[str]
) -> None:
    assert BY_FILE.count(old) == 1
    message = fails("fit", with_data(BY_FILE.replace(old, new)), "--run.wandb=off")
    for part in says:
        assert part in message, message


def test_a_target_that_may_move_needs_a_word(fails: Callable[..., str]) -> None:
    arguments = (f"--config={CONFIGS / 'plain_digits.yaml'}", "--run.wandb=off")
    crop = ("--data.augmentations+=RandomCrop", "--data.augmentations.padding=1")
    message = fails("fit", *arguments, *crop)
    assert "data.geometry.ink is missing" in message
    assert "multitask.geometry.Unchanged" in message
    assert not list(Path().glob("runs/*"))
