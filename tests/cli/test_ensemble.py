"""``multitask ensemble``: a folder like that of a run, and what the other verbs make of it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from ensembles.made_runs import CONFIG, made_run
from PIL import Image

from multitask.after.exporting.export import RUNS
from multitask.cli.arguments import prepare
from multitask.cli.check import check_arguments
from multitask.cli.main import main
from multitask.cli.study_command import read_study
from multitask.ensembles.of_study import check_data_seeds
from multitask.errors import InputError
from multitask.runs.last_run import resumable_run
from multitask.study.plan import planned, variants

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs and their ensemble, in a folder with a name of its own."""
    root = tmp_path_factory.mktemp("Läufe") / "tiny"
    runs = [made_run(root / f"2026010{seed}-000000", seed) for seed in range(2)]
    main(["ensemble", *map(str, runs), "--trust", "--device=cpu"])
    return root


@pytest.fixture
def folder(root: Path) -> Path:
    (found,) = root.glob("ensemble-*")
    return found


def test_its_folder_is_like_that_of_a_run(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    assert {"test/kind/accuracy", "test/kind/nll", "test/size/r2"} <= summary["metrics"].keys()
    assert summary["cost"] == {"seconds": 4.0, "peak_memory": 11}
    named = set(pd.read_csv(folder / "metrics.csv")["name"])
    assert "test/size/mae" in named
    assert {each.name for each in (folder / "figures/test").iterdir()} >= {"kind.png", "size.png"}
    told = yaml.safe_load((folder / "provenance.yaml").read_text())
    assert [Path(each).name for each in told["members"]] == ["best.ckpt"] * 2


def test_its_predictions_tell_how_far_the_members_differ(folder: Path) -> None:
    table = pd.read_csv(folder / "predictions.csv")
    assert len(table) == 24
    wanted = ["kind", "kind.entropy", "kind.mutual_information", "size", "size.deviation"]
    assert set(wanted) <= set(table.columns)
    assert (table["kind.mutual_information"] <= table["kind.entropy"]).all()
    assert (table["size.deviation"] > 0).all()


@pytest.mark.parametrize(
    "arguments", [["test", "--ckpt_path="], ["validate", "--ckpt_path="], ["fit", "--run.weights="]]
)
def test_the_verbs_of_training_refuse_it(
    folder: Path, arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    verb, option = arguments
    config = tmp_path / "config.yaml"
    model = {
        "encoder": {"class_path": "multitask.encoders.MLP", "init_args": {"in_features": 16}},
        "tasks": {"size": {"class_path": "multitask.tasks.Regression"}},
    }
    config.write_text(yaml.safe_dump({**CONFIG, "model": model}))
    path = folder / "checkpoints/ensemble.ckpt"
    with pytest.raises(SystemExit):
        main([verb, f"--config={config}", f"{option}{path}", f"--run.root={tmp_path}"])
    assert "is of an ensemble, which is not one network to train" in capsys.readouterr().err


def test_it_is_no_run_to_resume(root: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="is an ensemble, which is not trained itself"):
        resumable_run(str(folder), root.parent)
    # The last run is one that was trained.
    with pytest.raises(InputError, match="20260101-000000, which was started last"):
        resumable_run(None, root.parent)


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    main(arguments)
    return capsys.readouterr().out


def test_without_a_common_test_set_it_is_not_tested(
    root: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = sorted(map(str, root.glob("2026*")))
    data = {**CONFIG["data"], "init_args": {"seed": 1}}  # type: ignore[dict-item]
    other = made_run(tmp_path / "other", 4, config={"data": data})
    options = ["--trust", f"--folder={tmp_path}/e"]
    text = said(["ensemble", runs[0], str(other), str(folder), *options], capsys)
    assert f"Skipped: {folder} is an ensemble" in text
    assert f"Not tested: {other}/checkpoints/best.ckpt was trained on other data" in text
    alone = shutil.copy(f"{runs[0]}/checkpoints/best.ckpt", tmp_path / "alone.ckpt")
    text = said(["ensemble", str(alone), runs[1], *options], capsys)
    assert "alone.ckpt is not in a run's folder, so it has no data; test it on labelled" in text
    # Neither has taken the place of the other.
    assert len(list((tmp_path / "e").glob("*/checkpoints/ensemble.ckpt"))) == 2


def test_a_strangers_classes_are_not_imported(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["ensemble", *sorted(map(str, root.glob("2026*")))])
    assert "config.yaml names classes of your own or of other packages" in capsys.readouterr().err


@pytest.mark.usefixtures("quick_evaluation")
def test_the_section_on_ensembles(
    root: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_pictures: None
) -> None:
    """What docs/uncertainty.md says of them runs as it stands, but for the trainings."""
    page = (ROOT / "docs/uncertainty.md").read_text(encoding="utf-8")
    section = page.split("\n## Ensembles\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```bash\n(.*?)```", section, re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    monkeypatch.chdir(tmp_path)
    for name in ("configs", "runs"):
        Path(name).mkdir() if name == "runs" else Path(name).symlink_to(ROOT / name)
    Path("runs/digits").symlink_to(root)
    Image.new("L", (6, 6)).save(tmp_path / "photo.png")
    Path("photos").mkdir()
    Path("photo.png").rename("photos/0.png")
    done = []
    for line in lines:
        _, verb, *rest = line.replace("$ENSEMBLE", f"{folder}/checkpoints/ensemble.ckpt").split()
        if verb == "fit":
            check_arguments(prepare([verb, *rest]))
        elif verb in ("evaluate", "predict", "export"):
            main([verb, *rest, "--trust"])
        done.append(verb)
    # The fixture has made one of all that the pattern names, and the study is read elsewhere.
    verbs = ["fit", "fit", "fit", "ensemble", "-d", "evaluate", "predict", "export", "study"]
    assert done == verbs
    run = RUNS["torch_export"](Path("ensemble.pt2"), [])
    assert sorted(run(torch.zeros(2, 1, 4, 4).byte())) == [
        "kind",
        "kind.entropy",
        "kind.mutual_information",
        "size",
        "size.deviation",
    ]
    (page,) = folder.glob("evaluate/*/metrics.csv")
    evaluated = pd.read_csv(page).set_index(["task", "metric"])["value"]
    summary = json.loads((folder / "summary.json").read_text())["metrics"]
    assert evaluated["size", "mae"] == pytest.approx(summary["test/size/mae"])
    (study,) = re.findall(r"```yaml\n(.*?)```", section, re.S)
    Path("small.yaml").write_text(f"experiment: configs/experiment/digits.yaml\n{study}")
    for each in variants(read_study(Path("small.yaml"))).values():
        check_data_seeds(each, list(planned(each)))


@pytest.mark.parametrize("given", [[], ["--seeds=2"], ["one", "two"]])
def test_wrong_arguments_end_in_one_sentence(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["ensemble", *given])
    assert end.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
