"""Environment variables about the processes of a training: complete, or absent.

They are set by launchers of several processes, each of which reads its place from them. A variable
that is left over from another program would make this process wait for others that nobody has
started, or leave the work and the messages to them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from multitask.errors import InputError

FIRST = "MULTITASK_FIRST_PROCESS"
"""Variable that passes the first process's id to those that Lightning starts for it."""
Variables = Mapping[str, str]
BY_TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
BY_HAND = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")
"""Variables that a user sets to start the program on several machines without torchrun."""
BY_SRUN = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID")
OF_STEP = ("SLURM_STEP_ID", "SLURM_STEPID", "SLURM_STEP_NUM_TASKS", "SLURM_SRUN_COMM_HOST")
"""Variables of which srun sets at least one, and a batch script none."""
BY_JSRUN = ("LSB_JOBID", "LSB_DJOB_RANKFILE", "JSM_NAMESPACE_LOCAL_RANK", "JSM_NAMESPACE_SIZE")
ALONE = ("bash", "interactive")
"""Names of SLURM jobs in which Lightning starts the processes, if there are several."""
PLACES = (
    *("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", *BY_SRUN),
    *("SLURM_JOB_ID", "JSM_NAMESPACE_RANK"),
)
COUNTS = (
    *("WORLD_SIZE", "LOCAL_WORLD_SIZE"),
    *("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_NNODES"),
)
LAST_PORT = 65535


def check_variables(variables: Variables = os.environ) -> None:
    """Reject combinations of variables that no launcher would set.

    Args:
        variables: the environment.

    Raises:
        InputError: with the variable, and what to do.
    """
    _check_numbers(variables)
    if _is_started_by_lightning(variables):
        return
    if "TORCHELASTIC_RUN_ID" in variables:
        _check_torchrun(variables)
        return
    if not _is_slurm_alone(variables):
        _check_slurm(variables)
    _check_strays(variables)


def is_first_here(variables: Variables = os.environ) -> bool:
    """Whether this process reports for those of its machine, which all see the same.

    Args:
        variables: the environment.
    """
    try:
        check_variables(variables)
    except InputError:
        # It may be the only process.
        return True
    return int(variables.get("LOCAL_RANK", variables.get("SLURM_LOCALID", 0))) == 0


def lacks_srun(variables: Variables = os.environ) -> bool:
    """Whether SLURM has several processes, but srun does not appear to have started them.

    Args:
        variables: the environment, which has been checked already.
    """
    if "TORCHELASTIC_RUN_ID" in variables or _is_slurm_alone(variables):
        return False
    is_others = variables.get("SLURM_PROCID", "0") != "0"
    return _tasks(variables) > 1 and not is_others and not any(map(variables.get, OF_STEP))


def _check_numbers(variables: Variables) -> None:
    for name in (*PLACES, *COUNTS, "MASTER_PORT"):
        value = variables.get(name)
        if value is None:
            continue
        least = 0 if name in PLACES else 1
        is_number = value.isascii() and value.isdigit() and len(value) < 16 and int(value) >= least
        if name == "MASTER_PORT" and not (is_number and int(value) <= LAST_PORT):
            what = f"the number of a port, from 1 to {LAST_PORT}"
            raise InputError(f"{name} is '{value}'; set it to {what}, or unset it")
        if not is_number:
            what = f"a whole number, {least} or more"
            raise InputError(f"{name} is '{value}'; set it to {what}, or unset it")


def _is_started_by_lightning(variables: Variables) -> bool:
    # This process may be the first itself, if it has trained before.
    return variables.get(FIRST) in (str(os.getpid()), str(os.getppid()))


def _is_slurm_alone(variables: Variables) -> bool:
    return variables.get("SLURM_JOB_NAME") in ALONE


def _check_torchrun(variables: Variables) -> None:
    for name in BY_TORCHRUN:
        if name not in variables:
            raise InputError(
                f"TORCHELASTIC_RUN_ID is set, as by torchrun, but {name} is not: start the program "
                "with torchrun, or unset TORCHELASTIC_RUN_ID"
            )
    for place, count in (("RANK", "WORLD_SIZE"), ("LOCAL_RANK", "LOCAL_WORLD_SIZE")):
        _check_place(variables, place, count, "torchrun")
    every, here = int(variables["WORLD_SIZE"]), int(variables["LOCAL_WORLD_SIZE"])
    if every % here:
        raise InputError(
            f"WORLD_SIZE is {every} and LOCAL_WORLD_SIZE is {here}; start the same number "
            "of processes on each machine, with torchrun, or unset both"
        )


def _check_place(variables: Variables, place: str, count: str, starter: str) -> None:
    if int(variables[place]) >= int(variables.get(count, "1")):
        raise InputError(
            f"{place} is {variables[place]}, but {count} is {variables.get(count, 'not set')}; "
            f"places are counted from 0: start the program with {starter}, or unset {place}"
        )


def _check_slurm(variables: Variables) -> None:
    if "SLURM_NTASKS" not in variables:
        # In a batch script that requests no number of tasks, all of them are 0.
        for name in BY_SRUN:
            if name in variables:
                _check_place(variables, name, "SLURM_NTASKS", "srun")
        return
    for name in BY_SRUN:
        if name not in variables:
            raise InputError(
                f"SLURM_NTASKS is {variables['SLURM_NTASKS']}, but {name} is not set: start the "
                "program with srun, or set SLURM_JOB_NAME=interactive to train without it"
            )
    _check_place(variables, "SLURM_PROCID", "SLURM_NTASKS", "srun")
    for place, count in zip(BY_SRUN[1:], ("SLURM_NTASKS_PER_NODE", "SLURM_NNODES"), strict=True):
        if count in variables:
            _check_place(variables, place, count, "srun")
    _check_tasks(variables)


def _check_tasks(variables: Variables) -> None:
    each, nodes = variables.get("SLURM_NTASKS_PER_NODE"), variables.get("SLURM_NNODES")
    if each is not None and nodes is not None and int(each) * int(nodes) != _tasks(variables):
        raise InputError(
            f"SLURM_NTASKS is {_tasks(variables)}, but SLURM_NTASKS_PER_NODE is {each} and "
            f"SLURM_NNODES is {nodes}; call srun with matching --nodes and --ntasks-per-node"
        )


def _check_strays(variables: Variables) -> None:
    if _is_slurm_alone(variables) and int(variables.get("SLURM_PROCID", "0")) > 0:
        raise InputError(
            f"SLURM_JOB_NAME is {variables['SLURM_JOB_NAME']}, in which each process would train "
            f"alone, but SLURM_PROCID is {variables['SLURM_PROCID']}: set SLURM_JOB_NAME=multitask"
        )
    if variables.get("JSM_NAMESPACE_RANK", "0") != "0" and not all(map(variables.get, BY_JSRUN)):
        raise InputError(
            "JSM_NAMESPACE_RANK is set, as by jsrun, but its other variables are not: start the "
            "program with jsrun, or unset JSM_NAMESPACE_RANK"
        )
    if all(map(variables.get, BY_HAND)):
        return
    for name in (*BY_TORCHRUN, "GROUP_RANK", "NODE_RANK"):
        if name in variables:
            raise InputError(
                f"{name} is {variables[name]}, as if this were one of several processes, but what "
                f"starts them has not started it; unset {name}, or start them with torchrun"
            )


def _tasks(variables: Variables) -> int:
    return int(variables.get("SLURM_NTASKS", "1"))
