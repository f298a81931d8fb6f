"""The configuration that adds tasks to a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from after.made_models import checkpoint

from multitask.after.extending import extension
from multitask.after.loading import load
from multitask.cli.main import main
from multitask.errors import InputError

NEW = {"model": {"tasks": {"mäss": {"class_path": "multitask.tasks.Regression"}}}}
OLD: dict[str, Any] = {
    "seed_everything": 7,
    "model": {
        "encoder": {
            "class_path": "multitask.encoders.FromRun",
            "init_args": {"checkpoint": "gone"},
        },
        "tasks": {
            "kind": {
                "class_path": "multitask.tasks.Classification",
                "init_args": {"num_classes": 3},
            },
            "size": {"class_path": "multitask.tasks.Regression", "init_args": {"unit": "mm"}},
        },
    },
    "data": {"class_path": "multitask.data.PosedDigits", "init_args": {"labelled_per_batch": 8}},
    "trainer": {
        "callbacks": [
            {"class_path": "multitask.callbacks.WeightAverage"},
            {"class_path": "multitask.callbacks.KeepTasks", "init_args": {"checkpoint": "older"}},
        ]
    },
    "run": {"experiment": "old", "weights": "older", "root": "runs"},
    "ckpt_path": None,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("made") / "best.ckpt")


@pytest.fixture
def run(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run in the folder where the test is, and `task.yaml` beside it."""
    monkeypatch.chdir(tmp_path)
    folder = Path("runs/old/20261128-120000-1a2b3c")
    (folder / "checkpoints").mkdir(parents=True)
    shutil.copy(made, folder / "checkpoints")
    write(folder / "config.yaml", OLD)
    write(Path("task.yaml"), {"model": {"tasks": {"mass": {"class_path": "Regression"}}}})
    return folder


def write(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


@pytest.mark.parametrize("name", ["", "checkpoints/best.ckpt"])
def test_lays_the_new_tasks_over_the_run(run: Path, name: str) -> None:
    write(Path("task.yaml"), {**NEW, "data": {"init_args": {"labelled_per_batch": None}}})
    found = yaml.safe_load(extension(run / name, Path("task.yaml"), False).text("more"))
    assert list(found["model"]["tasks"]) == ["kind", "size", "mäss"]
    assert found["model"]["tasks"]["size"] == OLD["model"]["tasks"]["size"]
    # As the checkpoint tells, which needs no other file.
    assert found["model"]["encoder"]["class_path"] == "multitask.encoders.convnet.ConvNet"
    assert found["data"]["class_path"] == "multitask.data.PosedDigits"
    assert found["data"]["init_args"] == {"labelled_per_batch": None}
    path = str(run / "checkpoints/best.ckpt")
    assert found["run"] == {"experiment": "more", "weights": path, "root": "runs"}
    average, kept = found["trainer"]["callbacks"]
    assert average["class_path"] == "multitask.callbacks.WeightAverage"
    assert kept["init_args"] == {"checkpoint": path, "tasks": ["kind", "size"]}
    assert "ckpt_path" not in found


def test_says_what_to_do_next_and_overwrites_nothing(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["extend", str(run), "--config", "task.yaml", "--output=new one.yaml"])
    said = capsys.readouterr().out
    assert f"Keeps kind and size of {run}/checkpoints/best.ckpt; new: mass" in said
    assert "multitask fit --config 'new one.yaml'" in said
    before = Path("new one.yaml").read_text(encoding="utf-8")
    assert refused(["--config=task.yaml", "--output=new one.yaml"], run, capsys).startswith(
        "multitask: new one.yaml already exists"
    )
    assert Path("new one.yaml").read_text(encoding="utf-8") == before


def refused(arguments: list[str], run: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["extend", str(run), *arguments])
    assert stopped.value.code == 2
    return capsys.readouterr().err


WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no new task": (lambda run: write(Path("task.yaml"), {"data": {}}), "has no model.tasks"),
    "a task again": (
        lambda run: write(Path("task.yaml"), {"model": {"tasks": {"kind": {}}}}),
        "task.yaml: the run already has a task 'kind'",
    ),
    "another encoder": (
        lambda run: write(Path("task.yaml"), {"model": {"encoder": "MLP", **NEW["model"]}}),
        "model.encoder cannot change, because its weights are those of the run",
    ),
    "a setting that there is not": (
        lambda run: write(Path("task.yaml"), {**NEW, "modle": {}}),
        "there is no setting 'modle'",
    ),
    "a class of somebody": (
        lambda run: write(run / "config.yaml", {**OLD, "trainer": {"callbacks": "my.Own"}}),
        "give --trust",
    ),
    "no run": (lambda run: shutil.rmtree(run), "there is no checkpoint"),
    "no configuration": (
        lambda run: (run / "config.yaml").unlink(),
        "is not the folder of a run: it has no config.yaml",
    ),
}


@pytest.mark.parametrize(("break_it", "words"), WRONG.values(), ids=WRONG)
def test_refuses(
    break_it: Callable[[Path], Any], words: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    break_it(run)
    said = refused(["--config=task.yaml"], run, capsys)
    assert words in said
    assert said.count("\n") == 1
    assert not Path("extended.yaml").exists()


def test_a_strangers_classes_are_named_on_your_word_alone(run: Path) -> None:
    write(run / "config.yaml", {**OLD, "trainer": {"callbacks": [{"class_path": "my.Own"}]}})
    with pytest.raises(InputError, match=r"if you trust who wrote it, add --trust"):
        extension(run, Path("task.yaml"), False)
    kept = yaml.safe_load(extension(run, Path("task.yaml"), True).text("more"))
    assert kept["trainer"]["callbacks"][-1]["init_args"]["trust"] is True


def test_needs_the_new_tasks(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "extend needs the new tasks: --config=FILE" in refused([], run, capsys)


@pytest.mark.parametrize(
    ("path", "expected"), [("new.csv", ["mass"]), ("old.csv", ["size", "mass"])]
)
def test_another_table_has_the_targets_that_the_file_names(
    run: Path, path: str, expected: list[str]
) -> None:
    table = {"path": "old.csv", "image_size": 8, "targets": {"size": {"columns": "cm"}}}
    write(
        run / "config.yaml",
        {**OLD, "data": {"class_path": "multitask.data.Table", "init_args": table}},
    )
    settings = {"path": path, "targets": {"mass": {"columns": "kg"}}}
    write(Path("task.yaml"), {**NEW, "data": {"init_args": settings}})
    found = yaml.safe_load(extension(run, Path("task.yaml"), False).text("more"))
    assert list(found["data"]["init_args"]["targets"]) == expected
    assert found["data"]["init_args"]["image_size"] == 8


def test_folders_that_are_not_runs_are_named(run: Path) -> None:
    (run / "config.yaml").unlink()
    with pytest.raises(InputError, match="best.ckpt is not in a run's folder"):
        extension(run / "checkpoints/best.ckpt", Path("task.yaml"), False)
    hub = Path("hub")
    hub.mkdir()
    (hub / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="hub is a folder for the hub, which lacks the config"):
        extension(hub, Path("task.yaml"), False)


def test_tasks_of_episodes_are_not_kept_but_may_be_learned_anew(run: Path) -> None:
    path = run / "checkpoints/best.ckpt"
    content = torch.load(path, weights_only=True)
    content["multitask"]["description"]["episodes"] = True
    torch.save(content, path)
    with pytest.raises(InputError, match="trained on episodes, .* multitask.encoders.FromRun"):
        extension(run, Path("task.yaml"), False)
    Path("again.yaml").write_text("model: {tasks: {kind: Regression}}", encoding="utf-8")
    found = extension(run, Path("again.yaml"), False, keeps=False)
    assert (found.kept, found.new) == ([], ["kind"])
    assert "data" not in found.settings.entries
    assert found.settings.entries["model"].entries["tasks"].plain() == {"kind": "Regression"}
    with pytest.raises(InputError, match="best.ckpt was trained on episodes, and must adapt"):
        load(path, unadapted=False)
    assert "kind" in load(path).model.tasks


def test_a_scheme_that_tells_tasks_by_their_places_takes_no_more(run: Path) -> None:
    path = run / "checkpoints/best.ckpt"
    content = torch.load(path, weights_only=True)
    content["hyper_parameters"]["sharing"] = {"class_path": "multitask.sharing.CrossStitch"}
    torch.save(content, path)
    with pytest.raises(InputError, match="CrossStitch, which has parts .* no task can be added"):
        extension(run, Path("task.yaml"), False)
    assert len(extension(run, Path("task.yaml"), False, keeps=False).new) == 1
