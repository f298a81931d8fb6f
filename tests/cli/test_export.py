"""`multitask export`, on a checkpoint that was carried alone to an empty folder."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import multitask
from multitask.after.exporting.onnx_model import OnnxModel
from multitask.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs/after_training.md").read_text(encoding="utf-8")
SAMPLES = 40
CONFIG = """
seed_everything: 3
data:
  class_path: multitask.data.Table
  init_args:
    path: photos
    image_size: [8, 6]
    batch_size: 8
    transforms:
    - class_path: torchvision.transforms.v2.Normalize
      init_args: {mean: [0.4, 0.5, 0.6], std: [0.2, 0.2, 0.3]}
    targets:
      species: {columns: species, classes: [cat, 'no', ünder <b>]}
      weight: {columns: weight_g}
model:
  encoder: {class_path: multitask.encoders.MLP, init_args: {in_features: 144, hidden: []}}
  tasks:
    species: {class_path: multitask.tasks.Classification, init_args: {num_classes: 3}}
    weight: {class_path: multitask.tasks.Regression, init_args: {unit: g}}
  optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.01}}
trainer: {accelerator: cpu, max_epochs: 1, enable_progress_bar: false}
run: {wandb: 'off', figures: false, experiment: photos}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a table of photographs."""
    folder, before = tmp_path_factory.mktemp("training"), Path.cwd()
    (folder / "photos").mkdir()
    with (folder / "photos/metadata.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file_name", "species", "weight_g"])
        for place in range(SAMPLES):
            Image.new("RGB", (12, 9), (6 * place, 90, 250 - place)).save(
                folder / f"photos/{place}.png"
            )
            rows.writerow([f"{place}.png", ["cat", "no", "ünder <b>", ""][place % 4], 7 * place])
    (folder / "table.yaml").write_text(CONFIG, encoding="utf-8")
    os.chdir(folder)
    try:
        main(["fit", "--config=table.yaml"])
    finally:
        os.chdir(before)
    return next(folder.glob("runs/photos/*"))


@pytest.fixture
def alone(run: Path) -> Path:
    """The best checkpoint, and nothing else."""
    shutil.copy(run / "checkpoints/best.ckpt", "best.ckpt")
    return Path("best.ckpt")


def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(256, size=(7, 3, 8, 6), dtype=np.uint8)


@pytest.mark.slow
def test_what_the_page_says_with_a_checkpoint_alone(
    alone: Path, multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    (commands,) = blocks("bash")
    for line in commands.splitlines():
        _, *arguments = shlex.split(line)
        multitask(*arguments)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Written, and run for comparison: best.onnx"
    assert lines[1].startswith("It differs from the checkpoint by at most ")
    assert lines[-1] == "Written, and read back for comparison: animals"
    Image.new("RGB", (20, 30), (90, 200, 10)).save("photo.png")
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(compile(block, "after_training.md", "exec"), names)
    told = json.loads(names["told"])["description"]["tasks"]
    assert told["species"]["classes"] == ["cat", "no", "ünder <b>"]
    assert told["weight"]["unit"] == "g"
    assert names["predictions"].equals(loaded(alone).predict("photo.png"))
    right = loaded(alone)(torch.from_numpy(pixels()))
    for path in ("best.onnx", "animals/model.onnx"):
        for name, found in OnnxModel(path)(pixels()).items():
            np.testing.assert_allclose(found, right[name].numpy(), rtol=1e-4, atol=1e-6)


def blocks(kind: str) -> list[str]:
    """Blocks of the page's section on exports."""
    section = PAGE.split("\n## Export\n")[1].split("\n## ")[0]
    return re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)


def loaded(path: Path) -> Any:
    return multitask.load(path, device="cpu")


def test_a_hub_folder_of_a_run(
    run: Path,
    multitask: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("multitask.after.hub.hub_folder.find_spec", lambda _: None)
    multitask("export", str(run / "checkpoints/best.ckpt"), "--format", "hub")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Written, and read back for comparison: best_hub"
    assert said[1].startswith("It has no model.onnx: onnx is not installed")
    assert said[2].startswith("The card states that no licence was given")
    card = Path("best_hub/README.md").read_text(encoding="utf-8")
    assert "species accuracy ↑" in card
    assert "trained on " in card
    assert "ünder \\<b>" in card
    assert str(run.parents[2]) not in card


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.ckpt"], "none.ckpt: there is no such checkpoint"),
        (["note.txt"], "note.txt: the file is damaged, or is not a checkpoint"),
        (["."], "which has config.json"),
        ([], "export expects one checkpoint, as in: multitask export CHECKPOINT"),
        (["best.ckpt", "best.ckpt"], "export expects one checkpoint"),
        (["best.ckpt", "--format=onxx"], "--format is 'onxx'; did you mean 'onnx'?"),
        (["best.ckpt", "--format"], "--format: give a value"),
        (["best.ckpt", "--fromat=onnx"], "no such setting; did you mean 'format'?"),
        (["best.ckpt", "--format=torchscript"], "use --format=torch_export"),
        (["best.ckpt", "--output=note.txt"], "for onnx give a name with .onnx"),
        (["best.ckpt", "--output=there.onnx"], "there.onnx already exists"),
        (["best.ckpt", "--output=note.txt/x.onnx"], "note.txt/x.onnx cannot be written"),
        (["best.ckpt", "--licence=mit"], "--licence is only for --format=hub"),
        (["best.ckpt", "--format=hub", "--licence=My own"], "give it as the hub does"),
        (["best.ckpt", "--format=hub", "--push=me"], "give a user or organisation and a name"),
        (["best.ckpt", "--format=hub", "--evaluation=."], ". has no metrics.csv"),
    ],
)
def test_bad_input_leaves_nothing(
    alone: Path, fails: Callable[..., str], arguments: list[str], words: str
) -> None:
    Path("note.txt").write_text("mine")
    Path("there.onnx").write_text("mine")
    assert words in fails("export", *arguments)
    assert {each.name for each in Path().iterdir()} == {"best.ckpt", "note.txt", "there.onnx"}
    assert Path("note.txt").read_text() + Path("there.onnx").read_text() == "minemine"


def test_without_the_extra(
    alone: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    words = fails("export", str(alone))
    assert "onnxscript" in words
    assert "pip install 'multitask[export]'" in words


def test_no_compiler(
    alone: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert "there is no C++ compiler no-such-compiler" in fails(
        "export", str(alone), "--format=aoti"
    )
