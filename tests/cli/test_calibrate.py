"""``multitask calibrate``: what it fits, shows, writes and refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image

from multitask.after.evaluating.evaluation import evaluate
from multitask.after.evaluating.evaluation_files import write_evaluation
from multitask.after.labelled_samples import own_samples
from multitask.after.loading import load
from multitask.checkpoints.reading import read_checkpoint
from multitask.data import PosedDigits
from multitask.tasks.predictions import uncertainty_of

Program = Callable[..., None]
Fails = Callable[..., str]
ROWS = 60


@pytest.fixture
def best(digits_run: Path) -> Path:
    return digits_run / "checkpoints/best.ckpt"


@pytest.fixture
def run(digits_run: Path) -> Path:
    """A copy of the run, whose weights are ten times as sure as they should be."""
    copied = Path("run")
    (copied / "checkpoints").mkdir(parents=True)
    shutil.copy(digits_run / "config.yaml", copied)
    content = read_checkpoint(digits_run / "checkpoints/best.ckpt")
    for name in ("heads.digit.weight", "heads.digit.bias"):
        content["state_dict"][name] *= 10
    torch.save(content, copied / "checkpoints/best.ckpt")
    return copied


def test_a_run_is_calibrated_and_every_verb_takes_it(
    run: Path, multitask: Program, fails: Fails, capsys: pytest.CaptureFixture[str]
) -> None:
    multitask("calibrate", str(run))
    said = capsys.readouterr().out
    assert "digit: over-confident, temperature " in said
    assert "from 500 labels. On the test split of PosedDigits the chosen class had" in said
    assert "glyph: intervals for the share 0.9 of the values, from 8,000 labels; they cover" in said
    place = run / "checkpoints/calibrated.ckpt"
    assert f"Calibrated: {place}" in said
    (folder,) = (run / "calibrate").iterdir()
    table = pd.read_csv(folder / "calibration.csv").set_index(["task", "metric"])
    digit = table.loc["digit"]
    assert (digit.after < digit.before).all()
    assert digit.after["ece"] < 0.06
    assert table.loc[("glyph", "coverage"), "after"] == pytest.approx(0.9, abs=0.03)
    assert sorted(each.name for each in (folder / "figures").iterdir()) == [
        "digit.rejection.png",
        "digit.reliability.png",
    ]
    # Nothing that is there is overwritten.
    assert "calibrated.ckpt already exists" in fails("calibrate", str(run))
    check_verbs(place, table, multitask, capsys)


def check_verbs(
    place: Path, table: pd.DataFrame, multitask: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = load(place, device="cpu")
    found = evaluate(trained, own_samples(trained, "test", None), resamples=5)
    for name in ("nll", "brier"):
        right = table.loc[("digit", name), "after"]
        assert found.estimate("digit", name).value == pytest.approx(right, rel=1e-4)
    for name in ("nll", "coverage", "interval_width"):
        right = table.loc[("glyph", name), "after"]
        assert found.estimate("glyph", name).value == pytest.approx(right, rel=1e-4)
    Path("report").mkdir()
    write_evaluation(found, Path("report"))
    figures = {each.name for each in Path("report/figures").iterdir()}
    assert figures == {"digit.png", "glyph.png", "digit.reliability.png", "digit.rejection.png"}
    Image.new("L", (24, 24), 90).save("photo.png")
    multitask("predict", str(place), "photo.png", "--output=o.jsonl")
    row = json.loads(Path("o.jsonl").read_text())
    assert row["glyph.low.0"] < row["glyph.0"] < row["glyph.high.0"]
    assert 0 < row["digit.entropy"] < 2.31
    multitask("test", f"--ckpt_path={place}", "--run.wandb=off", "--run.figures=false")
    nll = table.loc[("digit", "nll"), "after"]
    assert f"{nll:.4g}" in capsys.readouterr().out


def write_table(split: str) -> Path:
    data = PosedDigits(["digit", "glyph"], seed=3)
    data.setup()
    images = data.splits[split].images(torch.arange(ROWS))
    Path(split).mkdir()
    for number, image in enumerate(images):
        Image.fromarray((255 * image[0]).round().byte().numpy()).save(f"{split}/{number}.png")
    digits = data.targets("test" if split == "train" else split)["digit"][:ROWS].tolist()
    files = [f"{split}/{each}.png" for each in range(ROWS)]
    pd.DataFrame({"file_name": files, "digit": digits}).to_csv(f"{split}.csv", index=False)
    return Path(f"{split}.csv")


def test_tables_take_the_place_of_the_runs_own_data(
    best: Path, multitask: Program, fails: Fails, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(best, "alone.ckpt")
    table, other = write_table("test"), write_table("val")
    options = ["alone.ckpt", f"--table={table}"]
    sentence = fails("calibrate", *options)
    assert (
        "has no label of 'glyph'; give labelled samples with --table=TABLE, or only the other"
        in sentence
    )
    multitask("calibrate", *options, "--tasks=digit", "--output=new/one.ckpt")
    said = capsys.readouterr().out
    assert f"the results are on those that were fitted to, {table}, and look better" in said
    assert f"On {table} the chosen class" in said
    assert Path("new/one.ckpt").is_file()
    assert len(list(Path("calibrations").glob("*/report.html"))) == 1
    multitask("calibrate", *options, "--tasks=digit", f"--test_table={other}", "--folder=out")
    assert "There are no other" not in capsys.readouterr().out
    trained = load("calibrated.ckpt")
    told = trained.description["tasks"]
    assert list(told["digit"]["calibration"]) == ["temperature"]
    assert "calibration" not in told["glyph"]
    found = trained(torch.zeros(2, 1, 24, 24, dtype=torch.uint8))
    assert list(uncertainty_of("digit", found)) == ["entropy"]
    assert uncertainty_of("glyph", found) == {}


def test_images_that_were_trained_on_do_not_count(best: Path, fails: Fails) -> None:
    table = write_table("train")
    sentence = fails("calibrate", str(best), f"--table={table}", "--tasks=digit")
    assert f"every sample of {table} was trained on" in sentence


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--level=90"], "--level=90: give a share between 0 and 1"),
        (["--level=nan"], "--level=nan"),
        (["--level=0.9999"], "needs at least 9,999 labels, but it has 500; provide more"),
        (["--tasks=digits"], "has no task 'digits'; did you mean 'digit'?"),
        (["--test_table=a.csv"], "--test_table goes with --table=TABLE"),
        (["--temperature=2"], "calibrate has no such setting"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    best: Path, options: list[str], reason: str, fails: Fails
) -> None:
    assert reason in fails("calibrate", str(best), *options, "--output=here.ckpt")
    assert not Path("here.ckpt").exists()


def test_a_folder_without_a_checkpoint_is_refused(fails: Fails) -> None:
    Path("empty").mkdir()
    assert "empty is neither the folder of a run" in fails("calibrate", "empty")
    assert "no such checkpoint" in fails("calibrate", "nowhere.ckpt")
