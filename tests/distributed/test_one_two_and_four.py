"""One, two and four processes learn the same, stopped on some and resumed on others too.

The labels are spread unevenly: no batch has a label of `digit` for each of four processes. The last
batch of the validation has fewer samples than processes.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from distributed.forked_processes import run_together, run_torchrun
from distributed.several_trainings import only_run, train_all, with_folders
from torch import Tensor

from multitask.cli.main import main
from multitask.data import PosedDigits

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
TORCHRUN = ("--standalone", "--nproc-per-node=2")
PROGRAM = Path(__file__).with_name("several_trainings.py")
BATCH, LABELLED, BATCHES = 71, 3, 4
SOURCES = {"@upright", "@posed"}
ARGUMENTS = (
    "fit",
    f"--config={CONFIGS / 'experiment/digits.yaml'}",
    "--trainer.accelerator=cpu",
    f"--trainer.limit_train_batches={BATCHES}",
    "--run.test_after_fit=false",
    "--trainer.max_epochs=2",
    # The checkpoint before the last is one from the middle of the second epoch.
    "--trainer.val_check_interval=2",
    "--trainer.num_sanity_val_steps=0",
    "--trainer.log_every_n_steps=1",
    "--trainer.enable_progress_bar=false",
    f"--data.batch_size={BATCH}",
    f"--data.labelled_per_batch={LABELLED}",
    "--run.wandb=off",
    "--run.figures=false",
)
DDP = (f"--config={CONFIGS / 'trainer/ddp.yaml'}",)
SHARDED = (f"--config={CONFIGS / 'trainer/fsdp.yaml'}",)
MACHINES = (f"--config={CONFIGS / 'trainer/multinode.yaml'}",)
# The heads share a group with a layer in the middle of the encoder, whose parameters lie between.
RATES = ("--model.layer_decay=0.5", "--model.rates.heads=0.25", "--model.rates.encoder=1")
# With learnt weights of the losses, and an average of the model's.
DOUBLE = (
    *RATES,
    "--trainer.callbacks=multitask.callbacks.WeightAverage",
    "--trainer.precision=64-true",
    f"--model.balancer={CONFIGS / 'balancer/uncertainty.yaml'}",
)
# Parts that begin to learn before and after the step at which it is resumed.
PLAN = {
    "frozen": ["encoder"],
    "until": {"encoder.embedding": 1, "encoder": 3, "encoder.embedding.2": 7},
}
UNFREEZING = {"class_path": "multitask.callbacks.Unfreezing", "init_args": PLAN}
THAWING = (*DOUBLE, f"--trainer.callbacks+={json.dumps(UNFREEZING)}")
# In small steps: an activation within rounding of zero may fall on either side of a ReLU, and large
# steps then part even one process from itself, started with weights that differ in the last digit.
# With a balancer that has a memory: of how similar the gradients of earlier batches were.
SINGLE = (
    *RATES,
    "--model.optimizer=torch.optim.SGD",
    "--model.optimizer.lr=0.0001",
    "--model.optimizer.momentum=0.9",
    "--model.balancer=multitask.balancing.GradientBalancer",
    "--model.balancer.method=multitask.balancing.weightings.GradVac",
)
SHORT = (
    "--trainer.max_epochs=1",
    "--trainer.limit_train_batches=2",
    "--trainer.limit_val_batches=1",
    "--trainer.val_check_interval=2",
)
# In the only batch of the validation, the first half is of the first source alone.
MIXTURE = (
    *("--data=mixture.yaml", "--data.batch_size=400", "--data.labelled_per_batch=null"),
    *("--trainer.limit_train_batches=2", "--trainer.max_epochs=1", "--trainer.limit_val_batches=1"),
)
# What an old run says counts on rows without a label too.
KEPT = (
    "--trainer.callbacks=multitask.callbacks.KeepTasks",
    "--trainer.callbacks.checkpoint={two/double}/checkpoints/last-1.ckpt",
    "--trainer.precision=64-true",
    *SHORT,
)


def resumed(run: str) -> str:
    """The argument that continues from the middle of a run's second epoch."""
    return f"--ckpt_path={{{run}}}/checkpoints/last-1.ckpt"


TWO = {
    "two/double": (*THAWING, *DDP),
    "two/mixture": (*DOUBLE, *DDP, *MIXTURE),
    "two/kept": (*DDP, *KEPT),
    "two/sharded": (*SINGLE, *SHARDED, "--model.compile=true"),
    "two/sharded-resumed": (
        *(*SINGLE, *SHARDED, resumed("two/sharded")),
        *("--run.test_after_fit=true", "--trainer.limit_test_batches=1"),
    ),
    "two/machines": (*MACHINES, *SHORT, "--run.wandb=offline"),
}
# Four processes start in single precision, and continue from a checkpoint in double.
FOUR = {
    "four/single": (*SINGLE, *DDP),
    "four/resumed-from-two": (*THAWING, *DDP, resumed("two/double")),
    "four/sharded-resumed-from-two": (*SINGLE, *SHARDED, resumed("two/sharded")),
}
ONE = {
    "one/double": THAWING,
    "one/mixture": (*DOUBLE, *MIXTURE),
    "one/kept": KEPT,
    "one/single": SINGLE,
    "one/resumed-from-two": (*THAWING, resumed("two/double")),
    "one/resumed-from-sharded": (*SINGLE, resumed("two/sharded")),
}


def commands(trainings: dict[str, tuple[str, ...]]) -> list[list[str]]:
    return [[*ARGUMENTS, *each, f"--run.root={name}"] for name, each in trainings.items()]


def train(folder: Path, trainings: dict[str, tuple[str, ...]], processes: int) -> None:
    """Train one after the other, in the same processes.

    Args:
        folder: where the runs go.
        trainings: arguments by name.
        processes: two are started by torchrun.
    """
    file = folder / "commands.json"
    file.write_text(json.dumps(commands(trainings)))
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MULTITASK_", "WANDB_"))}
    environment = {**kept, "OMP_NUM_THREADS": "1", "WANDB_SILENT": "true"}
    if processes == 2:
        run_torchrun(
            TORCHRUN, script=PROGRAM, argument=file, folder=folder, environment=environment
        )
    else:
        run_together(processes, train_all, file, folder=folder, environment=environment)


def saved(run: Path) -> dict[str, Any]:
    content = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    # Both what is used and what training would continue with, where they differ.
    trained = {f"trained {key}": each for key, each in content.get("trained_weights", {}).items()}
    return {**content["state_dict"], **trained}


def largest_difference(one: Path, two: Path) -> float:
    """Between the weights at the end of two runs, buffers included."""
    found, expected = saved(one), saved(two)
    assert found.keys() == expected.keys()
    return max(
        float((value.double() - found[name].double()).abs().max())
        for name, value in expected.items()
        if isinstance(value, Tensor)
    )


def logged(run: Path) -> dict[tuple[str, str], float]:
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        (row["step"], row["name"]): float(row["value"])
        for row in rows
        if row["name"].startswith(("train/", "val/")) and "per_second" not in row["name"]
    }


def same(one: Path, two: Path, tolerance: float) -> None:
    """Same weights and losses; in double precision also metrics, themselves in single precision.

    In single precision two samples of nearly the same score may change places.
    """
    assert largest_difference(one, two) < tolerance
    expected, found = logged(one), logged(two)
    # Those that continued from a checkpoint have logged their part.
    is_whole = set(found) == set(expected)
    assert is_whole or set(found) < set(expected)
    names = [name for _, name in found]
    assert names.count("train/loss") == (8 if is_whole else 2)
    assert names.count("val/digit/accuracy") == (4 if is_whole else 1)
    for key, value in found.items():
        is_loss = key[1].endswith("loss")
        if not is_whole and key[1].startswith("train/") and not is_loss:
            # Of an epoch that was resumed, the training metrics are those of its rest.
            continue
        if tolerance < 1e-6 or is_loss:
            slack = tolerance if key[1].startswith("train/") and is_loss else max(tolerance, 1e-6)
            assert value == pytest.approx(expected[key], rel=slack, abs=slack), key


def test_the_setting_is_uneven() -> None:
    data = PosedDigits(tasks=["digit"], batch_size=BATCH, labelled_per_batch=LABELLED)
    data.setup()
    labels = data.targets("train")["digit"]
    for batch in data.train_dataloader().sampler.global_batches(0)[:BATCHES]:
        known = [int((labels[share] != -100).sum()) for share in batch.tensor_split(4)]
        assert min(known) == 0
        assert sum(known) == LABELLED
    last = list(data.val_dataloader().sampler.global_batches(0))[-1]
    assert [len(share) for share in last.tensor_split(4)] == [1, 1, 1, 0]


# One test, because each start takes long, and tests of another process could not share it.
@pytest.mark.slow
def test_one_two_and_four_processes_learn_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(name: str) -> Path:
        return only_run(tmp_path / name)

    mixture = yaml.safe_load((CONFIGS / "experiment/mixture.yaml").read_text())
    (tmp_path / "mixture.yaml").write_text(yaml.safe_dump(mixture["data"], sort_keys=False))
    train(tmp_path, TWO, 2)
    train(tmp_path, FOUR, 4)
    monkeypatch.chdir(tmp_path)
    for each in commands(ONE):
        main([with_folders(argument) for argument in each])

    resumed_double = ("one/resumed-from-two", "four/resumed-from-two")
    for name in ("two/double", *resumed_double):
        same(run("one/double"), run(name), 1e-10)
    sharded = ("two/sharded-resumed", "four/sharded-resumed-from-two", "one/resumed-from-sharded")
    for name in ("four/single", "two/sharded", *sharded):
        same(run("one/single"), run(name), 1e-5)
        # What the balancer remembers went on too.
        state: Any = saved(run(name))["balancer._extra_state"]
        assert state["batches"] == 2 * BATCHES, name

    assert largest_difference(run("one/kept"), run("two/kept")) < 1e-10
    distances = [logged(run(name)).items() for name in ("one/kept", "two/kept")]
    one, two = ({key: each for key, each in found if "distance" in key[1]} for found in distances)
    assert len(one) == 4
    assert one == pytest.approx(two, rel=1e-9)

    assert largest_difference(run("one/mixture"), run("two/mixture")) < 1e-10
    of_sources = {
        key: value for key, value in logged(run("one/mixture")).items() if "val/" in key[1]
    }
    assert {name.split("/")[1] for _, name in of_sources if "@" in name} == SOURCES
    found = logged(run("two/mixture"))
    assert {key: found[key] for key in of_sources} == pytest.approx(of_sources, rel=1e-6, abs=1e-6)

    # One folder and one W&B run, whatever the number of processes.
    for name in ("two/machines", "four/single"):
        assert len(list((tmp_path / name).glob("*/*"))) == 1
        assert [each.name for each in run(name).glob("config*.yaml")] == ["config.yaml"]
    assert len(list(run("two/machines").glob("wandb/offline-run-*"))) == 1
