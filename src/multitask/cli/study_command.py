"""``multitask study``: many runs, one report."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, get_type_hints

from jsonargparse import ArgumentParser

from multitask.cli.arguments import prepare
from multitask.cli.checking.check import check_arguments
from multitask.cli.checking.settings import read_config
from multitask.cli.main import main
from multitask.cli.options import read_options
from multitask.errors import InputError, nearest
from multitask.figures.page import REPORT
from multitask.runs.log_file import say
from multitask.runs.settings import RunSettings
from multitask.runs.tracking import wandb_mode
from multitask.study.carrying_out import carry_out
from multitask.study.execution import Workplace, command, shard_of
from multitask.study.plan import Method, PlannedRun, Study, planned, variants
from multitask.study.tuning import trials
from multitask.study.variation import write_variation
from multitask.study.wandb_report import send_report
from multitask.tasks import Task

OF_AN_AGENT = ("WANDB_SWEEP_ID", "WANDB_RUN_ID", "WANDB_SWEEP_PARAM_PATH")
PRELOADED = ("multitask.cli.run_command", "multitask.study.execution")


def study_command(arguments: Sequence[str]) -> None:
    """Train what a study still lacks, and write its report.

    Args:
        arguments: what follows the verb.

    Raises:
        InputError: if the study's file or an argument is not right.
    """
    jobs = str(min(2, os.cpu_count() or 1))
    given = read_options("study", "one file", arguments, jobs=jobs, shard="1/1", folder="studies")
    if not given.jobs.isdigit() or int(given.jobs) < 1:
        raise InputError(f"jobs is {given.jobs}; give the number of runs at a time")
    shard_of([], given.shard)
    # A sweep's agent has started this program, not each of its runs.
    for name in OF_AN_AGENT:
        os.environ.pop(name, None)
    study = read_study(Path(given.subject))
    _check_wandb(study, given.subject)
    studies, root = variants(study), Path(given.folder)
    places = {
        name: Workplace(root / each.name, int(given.jobs), main, PRELOADED)
        for name, each in studies.items()
    }
    for name, each in studies.items():
        check_study(each, [*planned(each), *trials(each)], places[name])
    found = {name: carry_out(each, places[name], given.shard) for name, each in studies.items()}
    pages = [(each, places[name].folder / REPORT) for name, each in studies.items()]
    if study.vary:
        page = write_variation(study, found, root / study.name)
        say(f"Report: {page}")
        pages.append((study, page))
    # Once nothing is left to train, which could not go on if W&B's server kept this waiting.
    for each, page in pages:
        send_report(each, page)


def _check_wandb(study: Study, file: str) -> None:
    try:
        wandb_mode(RunSettings(wandb=study.wandb))
    except InputError as error:
        raise InputError(f"{file}: wandb: {error}") from error


def read_study(path: Path) -> Study:
    """Read a study's file.

    Raises:
        InputError: naming the file, and the key that is wrong.
    """
    settings, hints = read_config(path), get_type_hints(Study)
    content: dict[str, Any] = {"name": path.stem}
    for name, setting in settings.entries.items():
        place = setting.place
        if name not in hints:
            raise InputError(f"{place}: a study has no '{name}'{nearest(name, hints)}")
        try:
            content[name] = _read(name, hints[name], setting.plain())
        except Exception as error:
            raise InputError(f"{place}: {name}: {_innermost(error)}") from error
    for name in ("experiment", "seeds", "methods"):
        if name not in content:
            raise InputError(f"{path}: {name} is missing")
    try:
        return Study(**content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read(name: str, hint: Any, value: Any) -> Any:
    if name == "methods":
        return {each: _method(settings or {}) for each, settings in value.items()}
    # What looks like a class in them is the runs' to make, so they are not parsed.
    return value or {} if name in ("settings", "vary") else _parsed(hint, value)


def _method(content: dict[str, Any]) -> Method:
    hints = get_type_hints(Method)
    for name in content:
        if name not in hints:
            raise InputError(f"a method has no '{name}'{nearest(name, hints)}")
    given = {name: _parsed(hints[name], content.get(name)) for name in ("tasks", "experiment")}
    return Method(**given, settings=content.get("settings") or {})


def _parsed(kind: Any, value: Any) -> Any:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=kind)
    return parser.instantiate(parser.parse_object({"value": deepcopy(value)})).value


def _innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return re.sub(r"<class '(\w+)'>", r"\1", " ".join(str(error).split()))


def check_study(study: Study, runs: Sequence[PlannedRun], place: Workplace) -> None:
    """Refuse what the runs would refuse, before the first is trained.

    Args:
        study: the study.
        runs: some or all of its runs; those of the first seed are checked.
        place: where they will be.

    Raises:
        InputError: naming the run, and what would be right.
    """
    _check_metrics(study, runs)
    for run in runs:
        if run.seed == study.seeds[0]:
            try:
                check_arguments(prepare(command(study, run, place)))
            except InputError as error:
                raise InputError(f"{run.title}: {error}") from error


def _check_metrics(study: Study, runs: Sequence[PlannedRun]) -> None:
    tasks = {name: each for run in runs for name, each in run.config["model"]["tasks"].items()}
    asked = [("metrics", name, [metric]) for name, metric in study.metrics.items()]
    asked += [("further_metrics", name, each) for name, each in study.further_metrics.items()]
    for key, name, metrics in asked:
        try:
            task = _parsed(Task, tasks[name])
        except Exception:
            # What is wrong with the task itself is told where the run is checked.
            continue
        known = list(task.metrics())
        for metric in metrics:
            if metric not in known:
                near = nearest(metric, known)
                raise InputError(f"{key}: task '{name}' has no '{metric}'{near}")
