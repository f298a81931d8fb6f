"""``multitask inspect``: the report of configured data."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from cli.written_digits import write_digits
from PIL import Image

EXPERIMENT: dict[str, Any] = {
    "data": {
        "class_path": "multitask.data.Table",
        "init_args": {
            "path": "data/digits.csv",
            "image_size": 8,
            "channels": 1,
            "targets": {"digit": {"columns": "digit", "classes": ["one", "two", "three"]}},
            "cleaning": {"outside_root": "skip"},
            "batch_size": 4,
        },
    },
    "model": {
        "encoder": {"class_path": "multitask.encoders.ConvNet"},
        "tasks": {
            "digit": {
                "class_path": "multitask.tasks.Classification",
                "init_args": {"num_classes": 3},
            }
        },
        "optimizer": {"class_path": "torch.optim.AdamW"},
    },
}


@pytest.fixture(autouse=True)
def _own_cache(_own_folder: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MULTITASK_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("fine_pictures")
def test_all_problems_of_a_table_are_told_and_which_would_stop_a_training(
    multitask: Callable[..., None], fails: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_digits(Path("data"), count=60)
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[3] = "images/002.png,two,3 kg,"
    table.write_text("\n".join(lines), encoding="utf-8")
    experiment = deepcopy(EXPERIMENT)
    experiment["data"]["init_args"]["targets"]["ink"] = {"columns": "ink"}
    Path("faulty.yaml").write_text(yaml.safe_dump(experiment))
    assert "row" in fails("fit", "--config=faulty.yaml", "--run.wandb=off")
    multitask("inspect", "faulty.yaml")
    said = capsys.readouterr().out
    assert "outside_root: 1\n" in said
    assert "unreadable_image: 1; training would stop at them" in said
    assert "row 4, images/002.png: column ink: the cell '3 kg' is not a number" in said
    assert "- row 32, images/030.png: not an image" in said
    assert "; training would stop at them\n\n- row 2, images/000.png: column digit: " in said
    assert "| three |" in said
    (folder,) = Path("runs/inspect/faulty").iterdir()
    assert f"Run: {folder}" in said
    assert "\n| three | " in (folder / "report.md").read_text()
    assert Image.open(folder / "data.png").width > 1000
    assert "data:image/png" in (folder / "report.html").read_text()
    kinds = pd.read_csv(folder / "findings.csv")["kind"].value_counts()
    assert kinds["unknown_class"] > 10
    assert yaml.safe_load((folder / "config.yaml").read_text())["data"]["init_args"]["seed"] is None
    assert (folder / "provenance.yaml").is_file()
    assert not (folder / "wandb").exists()


def test_problems_of_all_tables_of_a_mixture_are_told(
    multitask: Callable[..., None], fails: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    sources = {}
    for name in ("first", "second"):
        write_digits(Path(name), count=40)
        sources[name] = deepcopy(EXPERIMENT["data"])
        sources[name]["init_args"] |= {"path": f"{name}/digits.csv"}
    sources["second"]["init_args"]["cleaning"] = {}
    data = {"class_path": "multitask.data.Mixture", "init_args": {"sources": sources}}
    Path("mixed.yaml").write_text(yaml.safe_dump({**EXPERIMENT, "data": data}))
    multitask("inspect", "mixed.yaml")
    said = capsys.readouterr().out
    assert "outside_root: 2; training would stop at 1 of them\n" in said
    assert "unreadable_image: 2; training would stop at them\n" in said
    (folder,) = Path("runs/inspect/mixed").iterdir()
    findings = pd.read_csv(folder / "findings.csv")
    assert findings.groupby("table")["kind"].value_counts().unstack().nunique().tolist() == [1] * 3
    assert set(findings["table"]) == {"first/digits.csv", "second/digits.csv"}
    source = sources["second"]["init_args"]
    source["targets"]["digit"]["classes"] = ["two", "one", "three"]
    Path("mixed.yaml").write_text(yaml.safe_dump({**EXPERIMENT, "data": data}))
    assert "'two' is class 1 of task 'digit' in source 'first'" in fails("inspect", "mixed.yaml")


def test_what_is_kept_is_counted(
    multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_digits(Path("data"), count=28, missing=0)
    frame = pd.read_csv(table).head(28)
    pd.concat([frame, frame.head(2)]).to_csv(table, index=False)
    Path("kept.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    multitask("inspect", "kept.yaml", "--data.init_args.cleaning.duplicate_row=keep")
    said = capsys.readouterr().out
    assert said.startswith("# data/digits.csv: 30 samples")
    assert "duplicate_row" not in said


def test_any_data_are_inspected_with_settings_and_at_wandb_when_asked(
    program: Callable[..., str],
    digits: str,
    recorded: Callable[[Path], list[Any]],
) -> None:
    arguments = ("--data.init_args.labels_per_class=7", "--run.experiment=a/b")
    said = program("inspect", digits.removeprefix("--config="), *arguments, "--run.wandb=offline")
    assert "| train |   2,000 |    70 (3.5 %) |" in said
    (folder,) = Path("runs/inspect/a/b").iterdir()
    assert f"wandb sync {folder}/wandb" in said
    records = recorded(folder)
    keys = {
        item.key or ".".join(item.nested_key) for record in records for item in record.history.item
    }
    assert {"figures/data", "report"} <= {key.split("._")[0] for key in keys}
    assert {record.run.job_type for record in records} >= {"inspect"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "inspect expects a configuration file, as in: multitask inspect CONFIG"),
        (["nowhere.yaml"], "nowhere.yaml"),
        (["small.yaml", "--data.init_args.image_sze=3"], "did you mean 'image_size'?"),
        (["small.yaml"], "there is no table data/digits.csv"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    fails: Callable[..., str], arguments: list[str], says: str
) -> None:
    Path("small.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    assert says in fails("inspect", *arguments)
    assert not Path("runs").exists()
