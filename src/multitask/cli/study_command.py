"""``multitask study``: many runs, one report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from multitask.cli.arguments import prepare
from multitask.cli.check import check_arguments
from multitask.cli.main import main
from multitask.cli.options import read_options
from multitask.configuration.offered import find_config
from multitask.configuration.settings import read_config
from multitask.ensembles.of_study import check_data_seeds
from multitask.ensembles.study_ensembles import StudyEnsembles
from multitask.errors import InputError
from multitask.pages.report import REPORT
from multitask.runs.log_file import say
from multitask.runs.settings import RunSettings
from multitask.runs.wandb_run import wandb_mode
from multitask.study.carrying_out import carry_out
from multitask.study.plan import PlannedRun, Study, planned, variants
from multitask.study.shards import shard_of
from multitask.study.study_file import check_metrics, make_study
from multitask.study.tuning import trials
from multitask.study.variation import write_variation
from multitask.study.wandb_report import send_report
from multitask.study.workplace import Workplace, command

OF_AN_AGENT = ("WANDB_SWEEP_ID", "WANDB_RUN_ID", "WANDB_SWEEP_PARAM_PATH")
PRELOADED = ("multitask.cli.run_command", "multitask.study.execution")


def study_command(arguments: Sequence[str]) -> None:
    """Train the missing runs of a study, and write its report.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if the study's file or an argument is invalid.
    """
    jobs = str(min(2, os.cpu_count() or 1))
    given = read_options("study", "one file", arguments, jobs=jobs, shard="1/1", folder="studies")
    if not given.jobs.isdigit() or int(given.jobs) < 1:
        raise InputError(f"jobs is {given.jobs}; give the number of simultaneous runs")
    shard_of([], given.shard)
    # A sweep's agent has started this program, but not each of its runs.
    for name in OF_AN_AGENT:
        os.environ.pop(name, None)
    study = read_study(find_config(given.subject))
    try:
        wandb_mode(RunSettings(wandb=study.wandb))
    except InputError as error:
        raise InputError(f"{given.subject}: wandb: {error}") from error
    studies, root = variants(study), Path(given.folder)
    places = {
        name: Workplace(root / each.name, int(given.jobs), main, PRELOADED)
        for name, each in studies.items()
    }
    for name, each in studies.items():
        check_study(each, [*planned(each), *trials(each)], places[name])
    ensembles = StudyEnsembles()
    found = {
        name: carry_out(each, places[name], given.shard, ensembles.sections)
        for name, each in studies.items()
    }
    pages = [(each, places[name].folder / REPORT) for name, each in studies.items()]
    if study.vary:
        folder = root / study.name
        page = write_variation(study, found, folder, ensembles.repeated(study, found, folder))
        say(f"Report: {page}")
        pages.append((study, page))
    # After all training, because runs could not continue while W&B's server delays this process.
    for each, page in pages:
        send_report(each, page)


def read_study(path: Path) -> Study:
    """Read a study's file.

    Raises:
        InputError: with the file, and the invalid key.
    """
    settings = read_config(path)
    places = {name: each.place for name, each in settings.entries.items()}
    return make_study(path, settings.plain(), places)


def check_study(study: Study, runs: Sequence[PlannedRun], place: Workplace) -> None:
    """Reject what the runs of the first seed would reject, before the first is trained.

    Raises:
        InputError: with the run, and what would be valid.
    """
    check_metrics(study, runs)
    check_data_seeds(study, runs)
    for run in [each for each in runs if each.seed == study.seeds[0]]:
        try:
            check_arguments(prepare(command(study, run, place)))
        except InputError as error:
            raise InputError(f"{run.title}: {error}") from error
