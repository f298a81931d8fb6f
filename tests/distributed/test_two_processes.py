"""Two processes learn what one learns from the joined batch, with labels on one of them only."""

from __future__ import annotations

import csv
import json
import os
import re
from itertools import compress
from pathlib import Path

import pytest
import torch
from cli.forked_program import ForkedProgram
from torch import Tensor

from multitask.cli.main import main
from multitask.data import PosedDigits

EXPERIMENTS = Path(__file__).parents[2] / "configs/experiment"
# One labelled sample in a batch: one of the two processes has no label of `digit` in any step.
ARGUMENTS = (
    "--trainer.accelerator=cpu",
    "--trainer.limit_train_batches=8",
    "--trainer.max_epochs=1",
    "--trainer.log_every_n_steps=1",
    "--trainer.enable_progress_bar=false",
    "--data.init_args.labelled_per_batch=1",
    "--run.wandb=off",
)
TWO = ("--trainer.devices=2", "--trainer.strategy=ddp")
TOLERANCE = 1e-10
# Makes the images of the last process NaN in one batch.
SPOIL = """
from lightning.pytorch import Callback

class Spoil(Callback):
    def on_train_batch_start(self, trainer, model, batch, batch_idx):
        if batch_idx == 5 and trainer.global_rank == trainer.world_size - 1:
            batch["image"].fill_(float("nan"))
"""
# The scenes, of which most of the time would go into drawing all.
FEW = """
from unittest.mock import patch

from multitask.data import Scenes, scenes

class FewScenes(Scenes):
    def load(self):
        with patch.dict(scenes.SAMPLES, train=150, val=50, test=50):
            return super().load()
"""
SPOILT = "--trainer.callbacks=spoiling.Spoil"
# So small that the samples of the table come from both processes.
BATCH = 32
CHANGES = (
    "--trainer.precision=64-true",
    f"--data.init_args.batch_size={BATCH}",
    SPOILT,
    "--model.skips=1",
)
ATTACK = {"class_path": "multitask.robustness.Attack", "init_args": {"eps": 0.05, "steps": 2}}
UNDER_ATTACK = {
    "class_path": "multitask.callbacks.RobustEvaluation",
    "init_args": {"attacks": [ATTACK], "corruptions": {"shot_noise": [9]}, "samples": 100},
}
ROBUST = f"--trainer.callbacks+={json.dumps(UNDER_ATTACK)}"
TURNED = {"class_path": "multitask.augmentation.RandomAffine", "init_args": {"degrees": 180}}
BALANCER = f"--model.balancer={EXPERIMENTS.parent / 'balancer/uncertainty.yaml'}"
UNCERTAIN = ("digits", BALANCER, *CHANGES, ROBUST)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program finds these classes, and nothing of trainings before."""
    (tmp_path / "spoiling.py").write_text(SPOIL)
    (tmp_path / "few_scenes.py").write_text(FEW)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MULTITASK_")]:
        monkeypatch.delenv(name)


def command(root: str, experiment: str, *arguments: str) -> list[str]:
    config = EXPERIMENTS / f"{experiment}.yaml"
    return ["fit", f"--config={config}", *ARGUMENTS, *arguments, f"--run.root={root}"]


def only_run(root: str) -> Path:
    (run,) = Path(root).glob("*/*")
    return run


def weights(run: Path) -> dict[str, Tensor]:
    state = torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    return {name: values for name, values in state.items() if isinstance(values, Tensor)}


def values(run: Path) -> dict[tuple[str, str], float]:
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        (row["step"], row["name"]): float(row["value"])
        for row in rows
        if "per_second" not in row["name"]
    }


def samples(run: Path) -> list[list[str]]:
    """The table of test samples: index, image and targets of each."""
    page = (run / "figures/test/predictions.html").read_text()
    head, *rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in page.split("<tr>")[1:]]
    kept = [name in ("index", "image") or "target" in name for name in head]
    return [list(compress(row, kept)) for row in rows]


def largest_difference(one: dict[str, Tensor], two: dict[str, Tensor]) -> float:
    assert one.keys() == two.keys()
    return max(float((one[name] - two[name]).abs().max()) for name in one)


def test_the_setting_leaves_one_process_without_a_label() -> None:
    data = PosedDigits(tasks=["digit"], batch_size=BATCH, labelled_per_batch=1)
    data.setup()
    labels = data.targets("train")["digit"]
    for batch in data.train_dataloader().sampler.global_batches(0)[:8]:
        known = [(labels[share] != -100).sum() for share in batch.tensor_split(2)]
        assert sorted(known) == [0, 1]


@pytest.mark.slow
def test_two_processes_equal_one() -> None:
    """Also in a batch that no process counts, because one has no number for its loss."""
    # The second process is started by Lightning, and imports everything anew.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    program = ForkedProgram(command("two", *UNCERTAIN, *TWO), environment=environment)
    said, _ = program.communicate(timeout=200)
    assert program.returncode == 0, said
    main(command("one", *UNCERTAIN))
    one, two = only_run("one"), only_run("two")
    assert largest_difference(weights(one), weights(two)) < TOLERANCE
    expected, found = values(one), values(two)
    assert expected.keys() == found.keys()
    skipped = sum(name == "train/skipped_batches" for _, name in expected)
    assert skipped == 1
    assert sum(name == "train/digit/loss" for _, name in expected) == 7
    under_attack = {name for _, name in expected if "/robust/" in name or "/corrupted/" in name}
    assert {"val/robust/inf-0.05/digit/accuracy", "test/corrupted/score"} <= under_attack
    for key, value in expected.items():
        # Metrics are single precision whatever the model's is.
        slack = TOLERANCE if key[1].startswith("train") and "loss" in key[1] else 1e-5
        assert found[key] == pytest.approx(value, rel=max(slack, 1e-6), abs=max(slack, 1e-6)), key
    assert samples(one) == samples(two)
    assert [row[0] for row in samples(two)] == list(map(str, range(24)))
    # One folder, one configuration, whatever the number of processes.
    assert [path.name for path in two.glob("config*.yaml")] == ["config.yaml"]


@pytest.mark.slow
def test_two_processes_learn_and_predict_the_same_of_all_kinds() -> None:
    """Maps, boxes and directions turn with their images; it is also resumed within the epoch."""
    short = (
        "--data=few_scenes.FewScenes",
        "--trainer.precision=64-true",
        "--trainer.limit_train_batches=4",
        "--trainer.val_check_interval=2",
        "--trainer.limit_val_batches=1",
        "--trainer.limit_test_batches=1",
        "--run.figures=false",
        f"--data.init_args.augmentations={json.dumps([TURNED])}",
    )
    program = ForkedProgram(command("two", "scene", *short, *TWO), has_spare=True)
    said, _ = program.communicate(timeout=200)
    assert program.returncode == 0, said
    main(command("one", "scene", *short))
    one, two = only_run("one"), only_run("two")
    assert largest_difference(weights(one), weights(two)) < TOLERANCE
    expected, found = values(one), values(two)
    assert expected.keys() == found.keys()
    tested = {name for step, name in expected if step == "4" and name.startswith("test/")}
    assert {"test/classes/iou", "test/depth/rel", "test/normals/median", "test/count/d2"} <= tested
    assert {"test/present/exact_match", "test/angle/cosine", "test/box/iou"} <= tested
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-5, abs=1e-6, nan_ok=True), key
    half = f"--ckpt_path={one}/checkpoints/last-1.ckpt"
    main(command("resumed", "scene", *short, half))
    resumed = only_run("resumed")
    assert largest_difference(weights(one), weights(resumed)) == 0
    # Those of the training are over what is left of the epoch.
    scores = {
        key: value for key, value in values(resumed).items() if key[1][:4] in ("val/", "test")
    }
    assert len(scores) > 30
    assert scores == pytest.approx(
        {key: expected[key] for key in scores}, rel=0, abs=0, nan_ok=True
    )


@pytest.mark.slow
def test_a_loss_that_is_no_number_on_one_process_stops_both() -> None:
    arguments = command("stopped", "digits", SPOILT, *TWO, "--run.figures=false")
    stopped = ForkedProgram(arguments, has_spare=True)
    said, _ = stopped.communicate(timeout=200)
    assert stopped.returncode == 2, said
    assert said.count("the loss of task 'digit' became NaN or infinite") == 1
    assert "at or before step 5 (epoch 0)" in said
    assert "Traceback" not in said
