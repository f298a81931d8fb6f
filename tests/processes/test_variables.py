"""Variables that describe the processes of a training: sets that are whole, and all others."""

from __future__ import annotations

import os

import pytest

from multitask import InputError
from multitask.processes.variables import FIRST, check_variables, is_first_here, lacks_srun

TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "RANK": "1",
    "LOCAL_RANK": "1",
    "GROUP_RANK": "0",
    "ROLE_RANK": "1",
    "WORLD_SIZE": "2",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
}
SRUN = {
    "SLURM_JOB_ID": "4711",
    "SLURM_JOB_NAME": "multitask",
    "SLURM_NTASKS": "4",
    "SLURM_NTASKS_PER_NODE": "2",
    "SLURM_NNODES": "2",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_STEP_ID": "0",
}
BATCH_STEP = {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
"""What the script of a batch job has, although srun has started nothing."""
BY_HAND = {"MASTER_ADDR": "node-0", "MASTER_PORT": "29500", "NODE_RANK": "1"}
INTERACTIVE = {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "interactive", "SLURM_NTASKS": "4"}


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"MASTER_ADDR": "localhost"},
        {"MASTER_PORT": "29500"},
        TORCHRUN,
        {**TORCHRUN, **SRUN, "SLURM_NTASKS": "1", "SLURM_PROCID": "0"},
        SRUN,
        INTERACTIVE,
        {**INTERACTIVE, **BATCH_STEP},
        {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "train.sh", **BATCH_STEP},
        {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "train.sh", "SLURM_NTASKS": "1", **BATCH_STEP},
        BY_HAND,
        {**BY_HAND, "LOCAL_RANK": "1", "WORLD_SIZE": "4"},
        {**BY_HAND, "LOCAL_RANK": "1", "WORLD_SIZE": "4", FIRST: str(os.getppid())},
        {"LOCAL_RANK": "0", "WORLD_SIZE": "4", FIRST: str(os.getpid())},
    ],
)
def test_what_programs_really_set_is_taken(variables: dict[str, str]) -> None:
    check_variables(variables)


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_PORT"])
@pytest.mark.parametrize("value", ["", "abc", "-1", "1.5", "²", "9" * 5000])
def test_what_is_not_a_number_is_refused(name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"^{name} is '"):
        check_variables({**TORCHRUN, name: value})


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"])
def test_half_of_what_torchrun_sets_is_refused(name: str) -> None:
    without = {key: value for key, value in TORCHRUN.items() if key != name}
    with pytest.raises(InputError, match=f"{name} is not: start the program with torchrun"):
        check_variables(without)
    with pytest.raises(InputError, match=f"unset {name}"):
        check_variables({name: TORCHRUN[name]})


@pytest.mark.parametrize("name", sorted(BATCH_STEP))
def test_half_of_what_srun_sets_is_refused(name: str) -> None:
    without = {key: value for key, value in SRUN.items() if key != name}
    with pytest.raises(InputError, match=f"{name} is not set: start the program with srun"):
        check_variables(without)
    with pytest.raises(InputError, match=f"unset {name}"):
        check_variables({name: "1"})


@pytest.mark.parametrize(
    ("variables", "right"),
    [
        ({**TORCHRUN, "RANK": "2"}, "RANK is 2, but WORLD_SIZE is 2"),
        ({**TORCHRUN, "LOCAL_RANK": "2"}, "LOCAL_RANK is 2, but LOCAL_WORLD_SIZE is 2"),
        ({**TORCHRUN, "WORLD_SIZE": "3"}, "WORLD_SIZE is 3 and LOCAL_WORLD_SIZE is 2"),
        ({**TORCHRUN, "MASTER_PORT": "65536"}, "MASTER_PORT is '65536'"),
        ({**SRUN, "SLURM_PROCID": "4"}, "SLURM_PROCID is 4, but SLURM_NTASKS is 4"),
        ({**SRUN, "SLURM_NODEID": "2"}, "SLURM_NODEID is 2, but SLURM_NNODES is 2"),
        ({**SRUN, "SLURM_NTASKS": "5"}, "SLURM_NTASKS is 5, but SLURM_NTASKS_PER_NODE is 2"),
        ({**INTERACTIVE, "SLURM_PROCID": "1"}, "set SLURM_JOB_NAME=multitask"),
        ({"NODE_RANK": "1", "MASTER_ADDR": "node-0"}, "unset NODE_RANK"),
        ({"GROUP_RANK": "1"}, "unset GROUP_RANK"),
        ({"JSM_NAMESPACE_RANK": "1"}, "unset JSM_NAMESPACE_RANK"),
    ],
)
def test_what_contradicts_itself_is_refused(variables: dict[str, str], right: str) -> None:
    with pytest.raises(InputError, match=right):
        check_variables(variables)


def test_a_process_with_stray_variables_speaks_for_itself() -> None:
    assert is_first_here({"LOCAL_RANK": "1"})
    assert is_first_here({"SLURM_LOCALID": "abc"})
    assert not is_first_here(TORCHRUN)
    assert not is_first_here(SRUN)


def test_a_batch_script_without_srun_is_seen() -> None:
    first = {**SRUN, **BATCH_STEP}
    assert not lacks_srun(first)
    del first["SLURM_STEP_ID"]
    assert lacks_srun(first)
    # srun alone numbers a process above 0.
    assert not lacks_srun({**first, "SLURM_PROCID": "1"})
    assert not lacks_srun({**first, **TORCHRUN})
    assert not lacks_srun({**first, "SLURM_NTASKS": "1"})
