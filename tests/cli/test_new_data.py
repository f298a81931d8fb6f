"""Data as people bring them: what `init` makes of them, and what `fit` says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

ROWS = 24
LABELS = ("cat", "dog", "owl")
QUICK = (
    "--trainer.accelerator=cpu",
    "--trainer.max_epochs=1",
    "--trainer.enable_progress_bar=false",
    "--run.wandb=off",
    "--run.figures=false",
)
MINE = """
import torch
from multitask.data import DataModule
from multitask.data.dataset import InMemory

class Mine(DataModule):
    def load(self):
        images, label = torch.rand(60, 3, 16, 16) * 255, torch.arange(60) % 3
        cut = {"train": slice(0, 40), "val": slice(40, 50), "test": slice(50, 60)}
        return {
            name: InMemory(images[rows], {"label": label[rows]})
            for name, rows in cut.items()
            if name not in self.without
        }
"""
Program = Callable[..., None]
Refused = Callable[..., str]
Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _own_cache(_own_folder: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MULTITASK_CACHE", str(tmp_path / "cache"))
    for row in range(ROWS):
        draw(Path(f"{row:02}.png"), row)


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def cycle(choices: Sequence[Any], rows: int = ROWS) -> list[Any]:
    return [choices[row % len(choices)] for row in range(rows)]


def write(name: str = "table.csv", **columns: Sequence[Any]) -> Path:
    frame = pd.DataFrame({"file_name": [f"{row:02}.png" for row in range(ROWS)], **columns})
    if name.endswith(".jsonl"):
        rows = frame.to_dict("records")
        Path(name).write_text("".join(json.dumps(each) + "\n" for each in rows))
    else:
        frame.to_csv(name, index=False)
    return Path(name)


def made(multitask: Program, *arguments: str) -> tuple[dict[str, Any], str]:
    """What ``init`` writes: the data's settings, and the text with its comments."""
    output = Path("made.yaml")
    output.unlink(missing_ok=True)
    multitask("init", *arguments, f"--output={output}")
    text = output.read_text()
    return yaml.safe_load(text)["data"]["init_args"], " ".join(text.replace("#", " ").split())


def experiment(**data: Any) -> Path:
    targets = {"label": {"columns": "label", "classes": list(LABELS)}}
    settings = {"path": "table.csv", "image_size": 8, "batch_size": 4, "targets": targets, **data}
    model = {
        "encoder": {"class_path": "multitask.encoders.ConvNet", "init_args": {"in_channels": 3}},
        "tasks": {
            "label": {
                "class_path": "multitask.tasks.Classification",
                "init_args": {"num_classes": 3},
            }
        },
        "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.005}},
    }
    data = {"class_path": "multitask.data.Table", "init_args": settings}
    content = {"seed_everything": 0, "data": data, "model": model}
    Path("exp.yaml").write_text(yaml.safe_dump(content))
    return Path("exp.yaml")


def fit(multitask: Program, capsys: Said, *arguments: str) -> str:
    capsys.readouterr()
    multitask("fit", "--config=exp.yaml", *QUICK, *arguments)
    said = capsys.readouterr()
    return said.out + said.err


def test_an_image_in_two_splits_is_told_with_the_cure(multitask: Program, capsys: Said) -> None:
    frame = pd.read_csv(write(label=cycle(LABELS)))
    pd.concat([frame, frame]).to_csv("table.csv", index=False)
    experiment(cleaning={"duplicate_row": "keep"})
    capsys.readouterr()
    with pytest.warns(UserWarning, match=r"\d+ images occur in several splits.*by=file_name"):
        fit(multitask, capsys)
    by_file = [
        "--data.split=multitask.data.splits.GroupedSplit",
        "--data.split.init_args.by=file_name",
    ]
    assert "several splits" not in fit(multitask, capsys, *by_file)


def test_a_training_does_without_test_and_validation(
    multitask: Program, fails: Refused, capsys: Said
) -> None:
    write(label=cycle(LABELS), split=["val" if row % 4 == 0 else "train" for row in range(ROWS)])
    experiment()
    refused = fails("fit", "--config=exp.yaml", *QUICK)
    assert "column 'split': no row belongs to 'test'" in refused
    assert "data.init_args.split.init_args.test=0" in refused
    by_column = "--data.split=multitask.data.splits.ByColumn"
    at_random = "--data.split=multitask.data.splits.RandomSplit"
    said = fit(multitask, capsys, by_column, "--data.split.init_args.test=0")
    assert "Not tested, because the data's settings exclude the test set." in said
    assert "best.ckpt" in {each.name for each in Path("runs").rglob("*.ckpt")}
    shutil.rmtree("runs")
    said = fit(multitask, capsys, at_random, "--data.split.init_args.val=0")
    (run,) = Path("runs/exp").iterdir()
    last = f"There is no validation set, so the last checkpoint is the result: {run.absolute()}"
    assert last in said
    assert "test set, original units" in said
    assert "test" in set(pd.read_csv(run / "splits.csv")["split"])
    both = [at_random, "--data.split.init_args.val=0", "--data.split.init_args.test=0"]
    said = fit(multitask, capsys, *both)
    assert "the last checkpoint is the result" in said
    assert "exclude the test set" in said
    assert "test set, original units" not in said
    refused = fails("validate", f"--ckpt_path={run}/checkpoints/last.ckpt")
    assert "there is no validation set" in refused


def test_floats_to_255_and_own_data_without_a_set(multitask: Program, capsys: Said) -> None:
    Path("mine_of_255.py").write_text(MINE)
    content = yaml.safe_load(experiment().read_text())
    content["data"] = {"class_path": "mine_of_255.Mine", "init_args": {"batch_size": 8}}
    content["data"]["init_args"]["without"] = ["test"]
    Path("exp.yaml").write_text(yaml.safe_dump(content))
    with pytest.warns(UserWarning, match="floats that range from .* to 255, but 0 to 1 is expect"):
        fit(multitask, capsys)


@pytest.mark.parametrize(
    ("column", "cells", "split"),
    [
        ("split", ("Train", "Val", "Test"), {"column": "split"}),
        ("Split", ("train", "Valid", "test "), {"column": "Split"}),
        ("set", ("TRAIN", "dev", "TEST"), {"column": "set"}),
        ("fold", ("training", "validation", "testing"), {"column": "fold"}),
        ("role", ("training set", "val_set", "test-set"), {"column": "role"}),
        ("partition", ("train", "test"), {"column": "partition", "val": 0.15}),
        (
            "is_training_image",
            ("1", "0"),
            {"column": "is_training_image", "words": {"1": "train", "0": "test"}, "val": 0.15},
        ),
    ],
)
def test_a_table_s_own_split_is_used_however_it_is_written(
    multitask: Program, column: str, cells: Sequence[str], split: dict[str, Any]
) -> None:
    write(label=cycle(LABELS), **{column: [cells[row // 5 % len(cells)] for row in range(ROWS)]})
    data, _ = made(multitask, "table.csv")
    assert data["split"]["class_path"] == "multitask.data.splits.ByColumn"
    assert data["split"]["init_args"] == split
    assert list(data["targets"]) == ["label"]


def test_a_split_in_words_of_one_s_own_is_asked_for(fails: Refused) -> None:
    write(label=cycle(LABELS), Usage=cycle(["Training", "PublicTest", "PrivateTest"]))
    refused = fails("init", "table.csv")
    assert "the column 'Usage' seems to contain the split of each row" in refused
    assert "'privatetest' is not one of train, val, test" in refused


def test_folders_of_classes_are_a_table(multitask: Program, fails: Refused) -> None:
    for split in ("train", "val", "test"):
        for place, label in enumerate(("cat", "dog")):
            for row in range(4):
                draw(Path(f"folders/{split}/{label}/{row}.png"), 100 + 10 * place + row)
    data, text = made(multitask, "folders")
    assert data["path"] == "folders"
    assert data["targets"] == {"label": {"columns": "label", "classes": ["cat", "dog"]}}
    assert "split" not in data
    assert "Folders are classes" in text
    shutil.rmtree("folders/val")
    data, text = made(multitask, "folders")
    assert data["split"]["init_args"] == {"val": 0.15, "test": 0}
    assert "but none for validation" in text
    data, _ = made(multitask, "folders/train")
    assert data["split"]["class_path"] == "multitask.data.splits.RandomSplit"
    Path("nothing").mkdir()
    shutil.copy(write(label=cycle(LABELS)), "nothing/labels.csv")
    assert "did you mean nothing/labels.csv?" in fails("init", "nothing")


def test_cells_of_several_labels_are_recognised(multitask: Program) -> None:
    words = [
        "cat wild",
        "dog young wild",
        "cat",
        "dog",
        "owl young",
        "owl wild",
        "owl",
        "cat young",
    ]
    write(labels=cycle(words))
    _, text = made(multitask, "table.csv")
    assert "Its cells seem to hold several labels, such as 'cat wild'" in text
    write("hot.jsonl", labels=cycle([[0, 0, 1], [1, 0, 1], [0, 1, 1]]))
    _, text = made(multitask, "hot.jsonl")
    assert "class_path: multitask.tasks.MultiLabel" in text


def test_twelve_bits_in_sixteen(multitask: Program, capsys: Said) -> None:
    generator = np.random.default_rng(0)
    for row in range(ROWS):
        pixels = generator.integers(0, 4096, (8, 8), dtype=np.uint16)
        Image.fromarray(pixels).save(f"{row:02}.png")
    write(label=cycle(LABELS))
    data, _ = made(multitask, "table.csv")
    assert data["white"] == 4095
    capsys.readouterr()
    experiment(white=65_535)
    with pytest.warns(UserWarning, match="seem to have 12 bits.*set data.init_args.white=4095"):
        fit(multitask, capsys, "--trainer.fast_dev_run=true")


def test_small_words(multitask: Program, fails: Refused, capsys: Said) -> None:
    frame = pd.read_csv(write(label=cycle(LABELS)))
    frame.assign(file_name="https://example.org/" + frame["file_name"]).to_csv("a.csv", index=False)
    refused = fails("init", "a.csv")
    assert "it is a URL, and URLs are not downloaded" in refused
    assert "image_folder" not in refused
    frame.assign(file_name="sub\\" + frame["file_name"]).to_csv("b.csv", index=False)
    assert fails("init", "b.csv").endswith("its name contains backslashes; use / instead")
    frame.to_csv("c.csv")
    capsys.readouterr()
    made(multitask, "c.csv")
    assert "the column without a name is skipped" in capsys.readouterr().out
    lines = Path("table.csv").read_text().replace(",", ", ")
    Path("d.csv").write_text(lines)
    data, _ = made(multitask, "d.csv")
    assert data["targets"]["label"] == {"columns": "label", "classes": list(LABELS)}
    frame.loc[3, "file_name"] = None
    frame.to_csv("e.csv", index=False)
    data, text = made(multitask, "e.csv")
    assert data["cleaning"] == {"empty_file_name": "skip"}
    assert "row 5 empty_file_name: skip" in text


def test_names_without_an_ending(multitask: Program, fails: Refused) -> None:
    frame = pd.read_csv(write(label=cycle(LABELS)))
    frame["file_name"] = frame["file_name"].str.removesuffix(".png")
    frame.to_csv("table.csv", index=False)
    data, _ = made(multitask, "table.csv")
    assert data["image_ending"] == ".png"
    experiment()
    assert "data.init_args.image_ending=.png" in fails("fit", "--config=exp.yaml", *QUICK)


def test_images_in_the_cells_of_a_parquet_file(multitask: Program) -> None:
    cells = [
        {"bytes": Path(f"{row:02}.png").read_bytes(), "path": f"{row:02}.png"}
        for row in range(ROWS)
    ]
    frame = pd.DataFrame({"image": cells, "label": cycle([0, 1, 2])})
    frame.to_parquet("hub.parquet")
    Path("hub/data").mkdir(parents=True)
    for place, name in enumerate(("train", "validation", "test")):
        part = frame.iloc[8 * place : 8 * place + 8]
        part.to_parquet(f"hub/data/{name}-00000-of-00001.parquet")
    data, _ = made(multitask, "hub.parquet")
    assert data["image_column"] == "image"
    assert data["targets"] == {"label": {"columns": "label", "classes": ["0", "1", "2"]}}
    data, _ = made(multitask, "hub")
    assert "split" not in data


def test_links_out_of_the_folder(multitask: Program, fails: Refused) -> None:
    Path("linked").mkdir()
    write(label=cycle(LABELS)).rename("linked/table.csv")
    for row in range(ROWS):
        Path(f"linked/{row:02}.png").symlink_to(Path(f"{row:02}.png").absolute())
    refused = fails("init", "linked/table.csv")
    assert "data.init_args.cleaning.symbolic_link=keep" in refused
    data, _ = made(multitask, "linked/table.csv", "--symbolic_link=keep")
    assert data["cleaning"] == {"symbolic_link": "keep"}


def test_groups_are_found_and_told(multitask: Program) -> None:
    names = [f"face {row // 2}: tone {row % 2}" for row in range(ROWS)]
    labels = [LABELS[row // 2 % 3] for row in range(ROWS)]
    write(label=labels, title=names)
    data, text = made(multitask, "table.csv")
    assert data["split"]["class_path"] == "multitask.data.splits.GroupedSplit"
    assert data["split"]["init_args"] == {"by": "title", "val": 0.15, "test": 0.15, "before": ":"}
    assert "copying the label of another such row is right in 100%" in text
    dates = [f"2024-05-{1 + row // 2:02}" for row in range(ROWS)]
    write(label=labels, taken=dates)
    data, _ = made(multitask, "table.csv")
    assert data["split"]["init_args"]["by"] == "taken"
    # A column that tells nothing about the label is no reason to keep rows together.
    write(label=cycle(LABELS), taken=dates)
    data, _ = made(multitask, "table.csv")
    assert data["split"]["class_path"] == "multitask.data.splits.StratifiedSplit"
    assert data["split"]["init_args"]["by"] == "label"


def test_columns_as_people_write_them(multitask: Program) -> None:
    numbers = [f"{row + 0.5}" for row in range(ROWS)]
    write(
        label=[f"{1 + row % 3}.0" for row in range(ROWS)],
        share=[f"{row} %" for row in range(ROWS)],
        price=[f"{row},50" for row in range(ROWS)],
        weight=["-999" if row % 6 == 0 else each for row, each in enumerate(numbers)],
        is_cat=cycle([1, 0, 0]),
        is_dog=cycle([0, 1, 0]),
        is_owl=cycle([0, 0, 1]),
    )
    data, text = made(multitask, "table.csv")
    assert data["targets"] == {
        "label": {"columns": "label", "classes": ["1", "2", "3"]},
        "weight": {"columns": "weight", "missing": [-999]},
        "label_2": {"columns": ["is_cat", "is_dog", "is_owl"], "classes": list(LABELS)},
    }
    assert "share: 24 of its cells are numbers with a unit, such as '0 %'" in text
    assert "price: 24 of its cells are numbers with commas, such as '0,50'" in text
    assert "-999 is far from all other numbers and occurs in 4 cells" in text


def test_a_table_without_a_header(fails: Refused) -> None:
    write(label=cycle(LABELS))
    lines = Path("table.csv").read_text().splitlines(keepends=True)
    Path("no.csv").write_text("".join(lines[1:]))
    assert "no.csv has no header: its first row contains '00.png'" in fails("init", "no.csv")
    Path("bare.csv").write_text("".join(lines[1:]).replace(".png", ""))
    assert "bare.csv has no header: its first row contains 'cat'" in fails("init", "bare.csv")
    Path("twice.csv").write_text("".join([*lines, *lines]))
    assert "row 26: it repeats the header" in fails("init", "twice.csv")
