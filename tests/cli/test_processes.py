"""The number of processes, and ways to start them that are refused."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from multitask.training.processes import set_processes

TORCHRUN = {"TORCHELASTIC_RUN_ID": "1", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}
SLURM = {
    "SLURM_JOB_NAME": "multitask",
    "SLURM_NTASKS": "8",
    "SLURM_NTASKS_PER_NODE": "4",
    "SLURM_NNODES": "2",
}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ("auto", 1)),
        (TORCHRUN, (4, 2)),
        (SLURM, (4, 2)),
        # A sweep's agent in a job of its own.
        ({**SLURM, "SLURM_JOB_NAME": "interactive"}, ("auto", 1)),
        # torchrun in a job counts by itself.
        ({**SLURM, **TORCHRUN, "LOCAL_WORLD_SIZE": "8"}, (8, 1)),
    ],
    ids=["alone", "torchrun", "slurm", "interactive", "torchrun-in-slurm"],
)
def test_what_has_started_the_processes_says_how_many(
    variables: dict[str, str], expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for devices in ("auto", str(expected[0])):
        trainer = SimpleNamespace(devices=devices, num_nodes=1)
        set_processes(trainer)
        assert (trainer.devices, trainer.num_nodes) == expected


@pytest.mark.parametrize(
    ("setting", "right"),
    [
        ("--trainer.devices=3", "trainer.devices is 3, but 4 processes"),
        ("--trainer.devices=[0,1]", "set it to 4, or to auto"),
        ("--trainer.num_nodes=3", "trainer.num_nodes is 3, but processes were started on 2"),
    ],
)
def test_another_number_than_was_started_is_refused(
    setting: str,
    right: str,
    fails: Callable[..., str],
    quick: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {**TORCHRUN, "RANK": "0", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    assert right in fails("fit", *quick, setting)


SRUN = {**SLURM, "SLURM_PROCID": "1", "SLURM_NODEID": "0"}


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({**TORCHRUN, "RANK": "1", "LOCAL_RANK": "1"}, 0),
        ({**SRUN, "SLURM_LOCALID": "1"}, 0),
        ({**SRUN, "SLURM_LOCALID": "0"}, 1),
        ({}, 1),
    ],
)
def test_one_process_of_a_machine_tells_what_all_have_met(
    variables: dict[str, str],
    says: int,
    multitask: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        multitask("fit", "--config=nowhere.yaml")
    assert capsys.readouterr().err.count("there is no file") == says


@pytest.mark.parametrize(
    ("variables", "right"),
    [
        ({"RANK": "1"}, "RANK is 1"),
        ({"LOCAL_RANK": "1"}, "LOCAL_RANK is 1"),
        ({"MASTER_PORT": "abc"}, "MASTER_PORT is 'abc'"),
        ({"SLURM_NTASKS": "2"}, "SLURM_PROCID is not set"),
        ({"TORCHELASTIC_RUN_ID": "x"}, "RANK is not"),
    ],
)
def test_a_stray_variable_is_told_by_whichever_process_has_it(
    variables: dict[str, str],
    right: str,
    fails: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    # Before anything else, since libraries read some of them when they are imported.
    assert right in fails("fit", "--config=nowhere.yaml")


@pytest.mark.parametrize(
    ("variables", "arguments", "right"),
    [
        (
            {"MASTER_ADDR": "192.0.2.1"},
            ("--trainer.devices=2", "--trainer.strategy=ddp"),
            "MASTER_ADDR is '192.0.2.1', which is not an address of this machine",
        ),
        ({}, ("--trainer.num_nodes=2",), "it is not set where their processes meet"),
        (
            {"NODE_RANK": "1", "MASTER_ADDR": "127.0.0.1"},
            (),
            "NODE_RANK is 1, but trainer.num_nodes is 1",
        ),
    ],
)
def test_processes_that_could_never_meet_are_refused(
    variables: dict[str, str],
    arguments: tuple[str, ...],
    right: str,
    fails: Callable[..., str],
    quick: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert right in fails("fit", *quick, *arguments)


MODEL_PARALLEL = '{"class_path": "lightning.pytorch.strategies.ModelParallelStrategy"}'


@pytest.mark.parametrize(
    ("argument", "advice"),
    [
        ("--trainer.strategy=ddp_spawn", "use ddp"),
        ("--trainer.strategy=ddp_fork", "use ddp"),
        ("--trainer.sync_batchnorm=true", "see model.sync_batch_norm"),
        (f"--trainer.strategy={MODEL_PARALLEL}", "use multitask.training.sharding.Sharded"),
    ],
)
def test_what_cannot_work_says_what_would(
    argument: str, advice: str, fails: Callable[..., str], quick: tuple[str, ...]
) -> None:
    assert advice in fails("fit", *quick, argument)


def test_shares_of_double_precision_are_refused(
    fails: Callable[..., str], quick: tuple[str, ...]
) -> None:
    sharded = '--trainer.strategy={"class_path": "multitask.training.sharding.Sharded"}'
    message = fails("fit", *quick, sharded, "--trainer.precision=64-true")
    assert "precision='64-true'" in message
