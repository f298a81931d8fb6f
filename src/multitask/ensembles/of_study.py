"""Ensembles of a study's runs: the members are the seeds of a method."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from multitask.after.new_output import new_output
from multitask.checkpoints.named_checkpoint import named_checkpoint
from multitask.ensembles.making import make
from multitask.ensembles.members import read_members
from multitask.ensembles.scores import scores_of
from multitask.ensembles.test_data import common_test_data
from multitask.errors import InputError
from multitask.runs.log_file import say
from multitask.study.folder_names import slug
from multitask.study.plan import PlannedRun, Study
from multitask.study.workplace import Workplace

SCORES = "scores.json"
COLUMNS = ["form", "member", "task", "metric", "value", "higher_is_better"]


@dataclass(frozen=True)
class EnsembleResult:
    """Measurements of one ensemble.

    Args:
        name: name of the ensemble.
        method: method whose seeds are its members.
        members: number of members.
        scores: the rows of `multitask.ensembles.scores.Scores`; empty if nothing was measured.
        remarks: sentences on what could not be measured, and why.
    """

    name: str
    method: str
    members: int
    scores: pd.DataFrame
    remarks: list[str]


def check_data_seeds(study: Study, runs: Sequence[PlannedRun]) -> None:
    """Reject an ensemble whose members have different test sets.

    The data use the seed of their run, unless they have their own.

    Args:
        study: the study.
        runs: its runs.

    Raises:
        InputError: with the setting to change.
    """
    for name, method in study.ensembles.items():
        for run in runs:
            if run.method == method and _data_seed(run) is None:
                raise InputError(
                    f"ensembles: the data of '{name}' have no fixed seed, so each seed would have "
                    "other data, and test images of one member could be training images of "
                    "another; add settings: {data.init_args.seed: 0}"
                )


def measured(study: Study, runs: Sequence[PlannedRun], place: Workplace) -> list[EnsembleResult]:
    """Make and measure the ensembles whose members are all finished; keep existing results.

    Args:
        study: the study.
        runs: all runs of the study.
        place: where they are.
    """
    found = []
    for name, method in study.ensembles.items():
        members = [run for run in runs if run.method == method]
        folders = [folder for run in members if (folder := place.finished(run)) is not None]
        if len(folders) < len(members):
            lacking = len(members) - len(folders)
            word = "has" if lacking == 1 else "have"
            reason = (
                f"It is not ready yet: {lacking} of its {len(members)} members {word} not finished."
            )
            found.append(_without(name, method, len(members), reason))
            continue
        try:
            found.append(_measured(name, method, folders, place.folder / "ensembles"))
        except InputError as error:
            found.append(_without(name, method, len(members), f"It was not measured: {error}."))
    return found


def _measured(name: str, method: str, runs: Sequence[Path], root: Path) -> EnsembleResult:
    key = hashlib.sha256(json.dumps([each.name for each in runs]).encode()).hexdigest()[:8]
    folder = root / f"{slug(name)}-{key}"
    if not (folder / SCORES).is_file():
        say(f"Measuring the ensemble '{name}'")
        # The configurations of the runs were written by this study.
        members = read_members([str(each) for each in runs], trust=True)
        data = common_test_data([named_checkpoint(each) for each in runs], trust=True)
        with new_output(folder) as part:
            make(members, data, part)
            scores = scores_of([each.model for each in members], data)
            content = json.dumps({"rows": scores.rows, "remarks": scores.remarks}, indent=1)
            (part / SCORES).write_text(content, encoding="utf-8")
    told: Any = json.loads((folder / SCORES).read_text(encoding="utf-8"))
    table = pd.DataFrame(told["rows"], columns=COLUMNS)
    return EnsembleResult(name, method, len(runs), table, list(told["remarks"]))


def _without(name: str, method: str, members: int, reason: str) -> EnsembleResult:
    return EnsembleResult(name, method, members, pd.DataFrame(columns=COLUMNS), [reason])


def _data_seed(run: PlannedRun) -> Any:
    data = run.config.get("data")
    settings = data.get("init_args") if isinstance(data, dict) else None
    in_file = settings.get("seed") if isinstance(settings, dict) else None
    return run.settings.get("data.init_args.seed", in_file)
