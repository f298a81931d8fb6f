"""``multitask study``: many runs, one report."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from jsonargparse import ArgumentParser

from multitask.cli.arguments import prepare
from multitask.cli.config_errors import check_arguments
from multitask.cli.help import usage
from multitask.cli.yaml_source import read_config
from multitask.errors import InputError, nearest
from multitask.figures.page import REPORT
from multitask.runs.log_file import say
from multitask.runs.settings import RunSettings
from multitask.runs.summary import read_summary
from multitask.runs.tracking import wandb_mode
from multitask.study.execution import Program, Workplace, command, shard_of, train
from multitask.study.plan import Method, PlannedRun, Study, planned, variants
from multitask.study.report import write_report
from multitask.study.results import UNTESTED, Results, collect
from multitask.study.tuning import chosen, trials
from multitask.study.variation import write_variation
from multitask.study.wandb_report import send_report
from multitask.tasks import Task

USAGE = usage("study")
OF_AN_AGENT = ("WANDB_SWEEP_ID", "WANDB_RUN_ID", "WANDB_SWEEP_PARAM_PATH")
PRELOADED = ("multitask.cli.command_line", "multitask.study.execution")


def study_command(arguments: Sequence[str], program: Program) -> None:
    """Train what a study still lacks, and write its report.

    Args:
        arguments: what follows the verb.
        program: trains one run, see `Workplace`.

    Raises:
        InputError: if the study's file or an argument is not right.
    """
    options = _options(arguments)
    # A sweep's agent has started this program, not each of its runs.
    for name in OF_AN_AGENT:
        os.environ.pop(name, None)
    study = read_study(Path(options["file"]))
    _check_wandb(study, options["file"])
    studies = variants(study)
    places = {name: _place(each, options, program) for name, each in studies.items()}
    for name, each in studies.items():
        check_study(each, [*planned(each), *trials(each)], places[name])
    found = {
        name: _carry_out(each, places[name], options["shard"]) for name, each in studies.items()
    }
    pages = [(each, places[name].folder / REPORT) for name, each in studies.items()]
    if study.vary:
        page = write_variation(study, found, Path(options["folder"]) / study.name)
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


def _place(study: Study, options: dict[str, str], program: Program) -> Workplace:
    folder = Path(options["folder"]) / study.name
    return Workplace(folder, int(options["jobs"]), program, PRELOADED)


def _carry_out(study: Study, place: Workplace, shard: str) -> Results:
    runs = [*planned(study), *trials(study)]
    train(study, shard_of(runs, shard), place)
    finals = list(chosen(study, _scores(study, place)))
    if finals:
        # Whoever sees the last trial finish trains these; each is locked while it trains.
        train(study, finals, place)
    elif study.tuning.trials:
        say("Weights are tuned once all trials are finished")
    return _report(study, [*runs, *finals], place)


def read_study(path: Path) -> Study:
    """Read a study's file.

    Raises:
        InputError: naming the file, and the key that is wrong.
    """
    settings, hints = read_config(path), get_type_hints(Study)
    content: dict[str, Any] = {"name": path.stem}
    for name, setting in settings.entries.items():
        place = setting.place.text
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
    return parser.instantiate_classes(parser.parse_object({"value": deepcopy(value)})).value


def _innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return re.sub(r"<class '(\w+)'>", r"\1", " ".join(str(error).split()))


def _options(arguments: Sequence[str]) -> dict[str, str]:
    options = {"jobs": str(min(2, os.cpu_count() or 1)), "shard": "1/1", "folder": "studies"}
    files = []
    for each in arguments:
        name, equals, value = each.removeprefix("--").partition("=")
        if not each.startswith("--"):
            files.append(each)
        elif name not in options or not equals:
            raise InputError(f"{each}: no such setting of a study; write {USAGE}")
        else:
            options[name] = value
    if len(files) != 1:
        raise InputError(f"study takes one file, as in: {USAGE}")
    if not options["jobs"].isdigit() or int(options["jobs"]) < 1:
        raise InputError(f"jobs is {options['jobs']}; give the number of runs at a time")
    shard_of([], options["shard"])
    return {**options, "file": files[0]}


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


def _scores(study: Study, place: Workplace) -> dict[int, float]:
    folders = {trial: place.finished(run) for trial, run in enumerate(trials(study))}
    failed = [run for run in trials(study) if place.failure(run)]
    if sum(folder is not None for folder in folders.values()) + len(failed) < len(folders):
        return {}
    found: dict[int, Any] = {
        trial: (read_summary(folder) or {}).get("best_score")
        for trial, folder in folders.items()
        if folder is not None
    }
    return {trial: score for trial, score in found.items() if score is not None}


def _report(study: Study, runs: Sequence[PlannedRun], place: Workplace) -> Results:
    ids = {run.place: run for run in runs}
    results = collect(
        study,
        list(ids.values()),
        {key: place.finished(run) for key, run in ids.items()},
        {key: place.failure(run) for key, run in ids.items()},
    )
    commands = {run.title: command(study, run, place) for run in runs}
    page = write_report(results, place.folder, commands)
    settings = yaml.safe_dump(asdict(study), sort_keys=False, allow_unicode=True)
    (place.folder / "study.yaml").write_text(settings, encoding="utf-8")
    if untested := int((results.runs["state"] == "untested").sum()):
        say(f"Not tested: {untested} of {len(results.runs)} runs, of which each {UNTESTED}")
    say(f"Report: {page}")
    return results
