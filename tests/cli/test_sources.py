"""A run on several data sets says how well it does on each."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.conftest import QUICK, ROOT

MIXTURE = f"--config={ROOT / 'configs/experiment/mixture.yaml'}"


def test_a_run_on_a_mixture_reports_each_source(
    multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    # Batches so large that two hold the whole test set.
    multitask("fit", MIXTURE, *QUICK, "--data.batch_size=1500")
    (run,) = Path("runs").glob("mixture/*")
    printed = capsys.readouterr().out
    places = [printed.index(f"test set{of}") for of in ("", ", source upright", ", source posed")]
    assert places == sorted(places)
    assert "glyph" not in printed[places[1] : places[2]]
    metrics = json.loads((run / "summary.json").read_text())["metrics"]
    shares = {"upright": 500 / 2000, "posed": 1500 / 2000}
    parts = [metrics[f"test/@{name}/digit/accuracy"] * of for name, of in shares.items()]
    assert metrics["test/digit/accuracy"] == pytest.approx(sum(parts))
    with (run / "metrics.csv").open(newline="") as file:
        names = {row["name"] for row in csv.DictReader(file)}
    for split in ("val", "test"):
        assert f"{split}/@posed/glyph/r2" in names
        assert f"{split}/@upright/digit/loss" in names


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--data.sources.posed.labels_per_clas=5", ["labels_per_clas", "'labels_per_class'"]),
        ("--data.ratios={upright: 1, pose: 2}", ["no source 'pose'", "'posed'"]),
        ("--data.sources.upright.image_size=16", ["[1, 16, 16]", "'posed'", "[1, 24, 24]"]),
        ("--data.sources.upright.class_path=Digit", ["Digit", "'Digits'"]),
    ],
)
def test_bad_input_about_sources(
    argument: str, words: list[str], fails: Callable[..., str]
) -> None:
    message = fails("fit", MIXTURE, *QUICK, argument)
    for word in words:
        assert word in message


def test_a_single_target_of_a_source_is_left_to_the_file(fails: Callable[..., str]) -> None:
    Path("mixed.yaml").write_text(
        """
data:
  class_path: multitask.data.Mixture
  init_args:
    sources:
      photos:
        class_path: multitask.data.Table
        init_args: {path: photos.csv, targets: {weight: {columns: weight_g}}}
model:
  encoder: {class_path: multitask.encoders.ConvNet}
  tasks: {weight: {class_path: multitask.tasks.Regression}}
  optimizer: {class_path: torch.optim.AdamW}
"""
    )
    argument = "--data.sources.photos.init_args.targets.weight.columns=height_cm"
    message = fails("fit", "--config=mixed.yaml", *QUICK, argument)
    assert f"{argument}: an argument cannot change one of the targets of a source" in message
