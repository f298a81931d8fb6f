"""The trials of a sweep, in a folder shared by several processes, and who trains which."""

from __future__ import annotations

import fcntl
import json
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

from multitask.checkpoints.atomic_writing import write_whole
from multitask.configuration.extras import require
from multitask.errors import InputError
from multitask.pages.yaml_text import to_yaml
from multitask.study.attempt import alone
from multitask.study.searching.sweep_file import SweepFile

SWEEP, TRIALS, RUNS = "sweep.yaml", "trials.log", "runs"
"""The settings common to the trials, Optuna's record of them, and their runs."""
REASON = "reason"
OPTUNA = "optuna"


@dataclass(frozen=True)
class Claim:
    """A trial that this process holds until it releases it.

    Args:
        number: number of the trial, from 0.
        values: values of the parameters, by dotted name.
        folder: folder that contains its runs.
        trial: Optuna's trial.
        lock: file that holds the lock.
    """

    number: int
    values: dict[str, Any]
    folder: Path
    trial: Any
    lock: ExitStack


class Search:
    """Optuna's study of a sweep, kept in a file.

    Args:
        sweep: the sweep to search.
        folder: the sweep's folder.

    Raises:
        InputError: if Optuna is not installed, or the folder belongs to another sweep.
    """

    def __init__(self, sweep: SweepFile, folder: Path) -> None:
        self.optuna = require(OPTUNA, "sweep")
        self.optuna.logging.set_verbosity(self.optuna.logging.ERROR)
        journal = require("optuna.storages.journal", "sweep")
        self.sweep, self.folder = sweep, folder
        self._tried: set[int] = set()
        try:
            (folder / RUNS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder} cannot be created ({error.strerror}); choose another place with "
                "--folder="
            ) from error
        with _locked(folder):
            self._check_same()
            backend = journal.JournalFileBackend(str(folder / TRIALS))
            self.study = self.optuna.create_study(
                storage=self.optuna.storages.JournalStorage(backend),
                study_name=sweep.name,
                direction="maximize" if sweep.metric.is_maximised else "minimize",
                pruner=self._pruner(),
                load_if_exists=True,
            )

    @property
    def trials(self) -> list[Any]:
        """All trials so far, of all processes, in Optuna's form."""
        return list(self.study.get_trials(deepcopy=False))

    def claim(self) -> Claim | None:
        """Take a trial that was interrupted, or a new one.

        Returns:
            The trial; None if there is nothing left to do.
        """
        states = self.optuna.trial.TrialState
        with _locked(self.folder):
            trials = self.trials
            begun = [each for each in trials if each.state == states.RUNNING]
            for each in [each for each in begun if each.number not in self._tried]:
                if (claim := self._claimed(each.number, each._trial_id)) is not None:
                    return claim
            reached = any(
                self.sweep.metric.is_reached(each.value)
                for each in trials
                if each.state == states.COMPLETE
            )
            if reached or len(trials) >= self.sweep.cap:
                return None
            # Each trial has its own random seed, so that the same trials are reproduced.
            self.study.sampler = self._sampler(len(trials))
            trial = self.study.ask()
            return self._claimed(trial.number, trial._trial_id)

    def finish(self, claim: Claim, value: float) -> None:
        """Record the result of a trial, and release it."""
        self._tell(claim, value=value, state="COMPLETE")

    def stop(self, claim: Claim) -> None:
        """Record that a trial was stopped early, and release it."""
        self._tell(claim, state="PRUNED")

    def fail(self, claim: Claim, reason: str) -> None:
        """Record that a trial failed, and release it.

        Args:
            claim: the trial.
            reason: the reason, in words.
        """
        claim.trial.set_user_attr(REASON, reason)
        self._tell(claim, state="FAIL")

    def is_hopeless(self, claim: Claim, values: list[float]) -> bool:
        """Report a trial's progress to Optuna, and ask whether to stop it.

        Args:
            claim: the trial.
            values: values of the metric, from the beginning.
        """
        if self.sweep.early_stop is None:
            return False
        told = len(self.trials[claim.number].intermediate_values)
        for place, value in enumerate(values[told:], start=told + 1):
            claim.trial.report(value, place)
            if claim.trial.should_prune():
                return True
        return False

    def _claimed(self, number: int, identity: int) -> Claim | None:
        folder = self.folder / RUNS / f"{number:04d}"
        folder.mkdir(exist_ok=True)
        lock = ExitStack()
        if not lock.enter_context(alone(folder)):
            lock.close()
            return None
        self._tried.add(number)
        self.study.sampler = self._sampler(number)
        trial = self.optuna.trial.Trial(self.study, identity)
        # Values that were sampled before are sampled again.
        values = {name: each.drawn(trial, name) for name, each in self.sweep.parameters.items()}
        return Claim(number, values, folder, trial, lock)

    def _tell(self, claim: Claim, state: str, value: float | None = None) -> None:
        self.study.tell(claim.number, value, state=self.optuna.trial.TrialState[state])
        claim.lock.close()

    def _sampler(self, number: int) -> Any:
        samplers = self.optuna.samplers
        seed = zlib.crc32(f"{self.sweep.name} {number}".encode())
        if self.sweep.method == "grid":
            return _in_order(samplers.BaseSampler, self.sweep, number)
        if self.sweep.method == "random":
            return samplers.RandomSampler(seed=seed)
        return samplers.TPESampler(seed=seed)

    def _pruner(self) -> Any:
        early = self.sweep.early_stop
        if early is None:
            return self.optuna.pruners.NopPruner()
        # W&B's Hyperband is known as asynchronous successive halving elsewhere (Li et al., 2020).
        return self.optuna.pruners.SuccessiveHalvingPruner(early.first, early.factor)

    def _check_same(self) -> None:
        path = self.folder / SWEEP
        text = to_yaml(json.loads(json.dumps(self.sweep.deciding, default=str)))
        if not path.exists():
            write_whole(path, text)
        elif path.read_text(encoding="utf-8") != text:
            raise InputError(
                f"{path} is from another version of this sweep, whose trials cannot be compared "
                "with these; give this one another name, or another place with --folder="
            )


def _in_order(base: Any, sweep: SweepFile, number: int) -> Any:
    """A sampler for one point of a grid.

    Args:
        base: ``optuna.samplers.BaseSampler``, which is available only after Optuna is imported.
        sweep: the sweep to search.
        number: number of the point; the last parameter changes first.
    """
    points = product(*(each.grid() or () for each in sweep.parameters.values()))
    point = dict(zip(sweep.parameters, next(islice(points, number, None), ()), strict=False))

    class InOrder(base):
        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            return {}

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
            return {}

        def sample_independent(
            self, study: Any, trial: Any, param_name: str, param_distribution: Any
        ) -> int:
            return point[param_name]

    return InOrder()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait until no other process is claiming a trial."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
