"""The training of one trial: its command, its process, and the values it has logged so far."""

from __future__ import annotations

import csv
import os
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

from multitask.errors import nearest
from multitask.pages.yaml_text import in_one_line
from multitask.runs.loggers import METRICS
from multitask.runs.provenance import LOCAL_SWEEP
from multitask.runs.summary import has_ended
from multitask.study.attempt import attempt
from multitask.study.searching.search import RUNS, Claim, Search
from multitask.study.searching.sweep_file import SweepFile
from multitask.study.workplace import OUTPUT, Program

OF_AN_AGENT = ("WANDB_SWEEP_ID", "WANDB_RUN_ID", "WANDB_SWEEP_PARAM_PATH")
USUAL = {"run.wandb": "off", "run.figures": "false", "trainer.enable_progress_bar": "false"}
"""Default settings of trials unless the file specifies others."""


class Training(Protocol):
    """The running training of a trial."""

    def ended(self) -> int | None:
        """The exit code; None while it is running."""

    def stop(self) -> None:
        """Ask it to stop soon."""


class TrainingProcess:
    """A training in a separate process.

    Args:
        arguments: arguments of the program.
        claim: the trial.
        program: called with the arguments.
        sweep: name of the sweep.
        threads: number of PyTorch threads.
    """

    def __init__(
        self, arguments: list[str], claim: Claim, program: Program, sweep: str, threads: int
    ) -> None:
        given = (arguments, claim.folder, program, sweep, threads)
        self._process = get_context("forkserver").Process(target=_train, args=given)
        self._process.start()

    def ended(self) -> int | None:
        """The exit code; None while it is running."""
        self._process.join(0)
        return self._process.exitcode

    def stop(self) -> None:
        """Send SIGTERM, after which a run ends with the current batch and keeps its checkpoints."""
        self._process.terminate()


def trial_arguments(search: Search, claim: Claim) -> list[str]:
    """The command line of a trial.

    Args:
        search: the search that it belongs to.
        claim: the trial.
    """
    sweep = search.sweep
    chosen = [f"--{name}={written(value)}" for name, value in claim.values.items()]
    said = {each.lstrip("-").partition("=")[0] for each in (*sweep.before, *chosen, *sweep.behind)}
    usual = [f"--{name}={value}" for name, value in USUAL.items() if name not in said]
    place = [f"--run.root={search.folder / RUNS}", f"--run.experiment={claim.folder.name}"]
    return [*sweep.before, *chosen, *sweep.behind, *usual, *place]


def typical_arguments(sweep: SweepFile) -> list[str]:
    """A possible command line of a trial, to check that the program accepts it."""
    trial = _Typical()
    values = {name: each.drawn(trial, name) for name, each in sweep.parameters.items()}
    return [*sweep.before, *(f"--{k}={written(v)}" for k, v in values.items()), *sweep.behind]


def written(value: object) -> str:
    """The value of a parameter, formatted as an argument."""
    return value if isinstance(value, str) else in_one_line(value)


def newest_run(folder: Path) -> Path | None:
    """The folder of the last attempt at a trial.

    Args:
        folder: folder of all attempts.
    """
    found = sorted(path.parent for path in folder.glob(f"*/{METRICS}"))
    return found[-1] if found else None


def is_finished(folder: Path) -> bool:
    """Whether the last attempt at a trial has finished."""
    run = newest_run(folder)
    return run is not None and has_ended(run)


def curve(folder: Path, metric: str) -> list[float]:
    """The values of a metric that a trial has logged, one per step.

    Args:
        folder: folder of all attempts.
        metric: name of the metric.
    """
    return list(_logged(folder).get(metric, {}).values())


def unknown_metric(folder: Path, metric: str) -> str:
    """Report that a run did not log a metric, and suggest the intended one."""
    return f"it logged no {metric}{nearest(metric, _logged(folder))}"


def last_words(folder: Path) -> str:
    """The last line of a trial's output."""
    path = folder / OUTPUT
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it printed nothing"


class _Typical:
    """Stand-in for Optuna's trial: the first choice, the smallest integer, the middle."""

    def suggest_categorical(self, name: str, choices: list[int]) -> int:
        return choices[0]

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return low

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return (low + high) / 2


def _logged(folder: Path) -> dict[str, dict[str, float]]:
    run = newest_run(folder)
    found: dict[str, dict[str, float]] = {}
    if run is None:
        return found
    with (run / METRICS).open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            # The last row may be incomplete.
            if None not in row.values() and row["value"]:
                # A resumed run has logged some steps twice.
                found.setdefault(row["name"], {})[row["step"]] = float(row["value"])
    return found


def _train(arguments: list[str], folder: Path, program: Program, sweep: str, threads: int) -> None:
    for name in OF_AN_AGENT:
        os.environ.pop(name, None)
    os.environ[LOCAL_SWEEP] = sweep
    attempt(arguments, folder, program, threads)
