"""A study from plan to report: training, tuning, collecting and writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from multitask.checkpoints.atomic_writing import write_whole
from multitask.pages.blocks import Block
from multitask.pages.yaml_text import to_yaml
from multitask.runs.log_file import say
from multitask.runs.summary import read_summary
from multitask.study.execution import train
from multitask.study.plan import PlannedRun, Study, planned
from multitask.study.report import write_report
from multitask.study.results import UNTESTED, Results, collect
from multitask.study.shards import shard_of
from multitask.study.tuning import chosen, trials
from multitask.study.workplace import Workplace, command

Sections = Callable[[Results, Sequence[PlannedRun], Workplace], Sequence[Block]]
"""Makes further sections of a report from the results, all runs and their folders."""


def carry_out(
    study: Study, place: Workplace, shard: str, sections: Sections = lambda *_: ()
) -> Results:
    """Train the missing runs of a study, and write its report.

    Args:
        study: the study.
        place: where and how to train it.
        shard: the share of its runs to train here, see `shard_of`.
        sections: makes further sections of the report.
    """
    runs = [*planned(study), *trials(study)]
    train(study, shard_of(runs, shard), place)
    finals = list(chosen(study, _scores(study, place)))
    if finals:
        # Every process that sees the last trial finish trains these; each run is locked meanwhile.
        train(study, finals, place)
    elif study.tuning.trials:
        say("Weights are tuned once all trials have finished")
    return _report(study, [*runs, *finals], place, sections)


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


def _report(
    study: Study, runs: Sequence[PlannedRun], place: Workplace, sections: Sections
) -> Results:
    ids = {run.place: run for run in runs}
    results = collect(
        study,
        list(ids.values()),
        {key: place.finished(run) for key, run in ids.items()},
        {key: place.failure(run) for key, run in ids.items()},
        {key: place.obstacle(run) for key, run in ids.items()},
    )
    commands = {run.title: command(study, run, place) for run in runs}
    further = sections(results, runs, place)
    page = write_report(results, place.folder, commands, further=further)
    write_whole(place.folder / "study.yaml", to_yaml(asdict(study)))
    if untested := int((results.runs["state"] == "untested").sum()):
        say(f"Not tested: {untested} of {len(results.runs)} runs; each {UNTESTED}")
    say(f"Report: {page}")
    return results
