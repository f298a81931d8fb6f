"""The files of configs/trainer: what each says arrives, and the experiment stays what it is.

That ddp.yaml, fsdp.yaml and multinode.yaml train is shown by tests/distributed, on two processes.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from multitask.cli.arguments import prepare
from multitask.cli.command_line import CommandLine

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "configs/trainer"
FILES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
ON_SEVERAL = ("ddp", "fsdp", "multinode")
TWO_BATCHES = ("--trainer.limit_train_batches=2", "--trainer.limit_val_batches=1")


class Parsed(CommandLine):
    """The command line without the run."""

    def instantiate_trainer(self, **kwargs: object) -> None:  # type: ignore[override]
        """Nothing, because not every machine has what a file names."""


def settings(name: str) -> dict[str, dict[str, object]]:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text())


def test_there_is_a_file_for_each_way() -> None:
    assert FILES == ["cpu", "ddp", "fsdp", "gpu", "multinode"]


@pytest.mark.parametrize("name", FILES)
def test_file_arrives_over_the_experiment(name: str, digits: str) -> None:
    found = Parsed(prepare(["fit", digits, f"--config={FOLDER / name}.yaml"])).config
    said = settings(name)
    for group in ("trainer", "model"):
        for key, value in said[group].items():
            if key != "strategy":
                assert found[group][key] == value, key
    plain = {"accelerator", "devices", "precision", "accumulate_grad_batches", "gradient_clip_val"}
    assert plain <= said["trainer"].keys()
    assert "compile" in said["model"]
    assert (name in ON_SEVERAL) == ("sync_batch_norm" in said["model"])
    # What is learnt stays as the experiment has it.
    assert list(found.model.tasks) == ["digit", "glyph"]
    assert found.trainer.max_epochs == 5
    assert found.run.experiment == "digits"


def test_cpu_trains_under_the_experiments_name(
    multitask: Callable[..., None], quick: tuple[str, ...], tmp_path: Path
) -> None:
    unnamed = yaml.safe_load((ROOT / "configs/experiment/digits.yaml").read_text())
    del unnamed["run"]
    Path("mine.yaml").write_text(yaml.safe_dump(unnamed))
    files = ("--config=mine.yaml", f"--config={FOLDER / 'cpu.yaml'}")
    multitask("fit", *files, *quick[1:], *TWO_BATCHES)
    (run,) = tmp_path.glob("runs/mine/*")
    assert torch.load(run / "checkpoints/last.ckpt", weights_only=True)["global_step"] == 2
    assert yaml.safe_load((run / "config.yaml").read_text())["trainer"]["devices"] == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_gpu_says_that_there_is_none(fails: Callable[..., str], digits: str) -> None:
    message = fails("fit", digits, f"--config={FOLDER / 'gpu.yaml'}")
    assert "No supported gpu backend found" in message
    assert not Path("runs").exists()


def make(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    environment["VIRTUAL_ENV"] = "/environment"
    command = ["make", "-n", "train", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)


def test_make_lays_the_file_over_the_experiment() -> None:
    experiment = "--config configs/experiment/digits.yaml"
    trained = make("TRAINER=ddp", "ARGS=--trainer.devices=2").stdout
    assert f"fit {experiment} --config configs/trainer/ddp.yaml --trainer.devices=2" in trained
    assert "configs/trainer" not in make().stdout


def test_wrong_name_is_one_sentence(
    fails: Callable[..., str], digits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    message = fails("fit", digits, "--config", "configs/trainer/dpp.yaml")
    assert "there is no file configs/trainer/dpp.yaml; did you mean 'ddp.yaml'?" in message
