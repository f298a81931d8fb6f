"""``multitask sweep-report``: what a sweep found, as a study's report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from multitask.cli.help import usage
from multitask.errors import InputError, nearest
from multitask.runs.log_file import say
from multitask.study.sweep import find_trials, read_sweep
from multitask.study.sweep_download import download
from multitask.study.sweep_report import write_sweep_report

USAGE = usage("sweep-report")


def sweep_report_command(arguments: Sequence[str]) -> None:
    """Write the report of a sweep, from the W&B server or from its runs' folders.

    Args:
        arguments: what follows the verb.

    Raises:
        InputError: if an argument is not right, or there is nothing to report.
    """
    source, options = _options(arguments)
    folder, sweep = Path(options["folder"]), options["sweep"] or None
    if Path(source).is_dir():
        trials = find_trials(Path(source), sweep)
        name = f"sweep-{trials[0].sweep or Path(source).resolve().name}"
    elif re.fullmatch(r"[^/]+/[^/]+/[^/]+", source):
        name = f"sweep-{source.rpartition('/')[2]}"
        if running := download(source, folder / name / "runs"):
            say(f"Left out, because they are still running: {', '.join(running)}")
        trials = find_trials(folder / name / "runs", sweep)
    else:
        raise InputError(f"{source} is neither a folder nor a sweep; write {USAGE}")
    page = write_sweep_report(read_sweep(trials, name), folder / name)
    say(f"Report: {page}")


def _options(arguments: Sequence[str]) -> tuple[str, dict[str, str]]:
    options, sources = {"folder": "studies", "sweep": ""}, []
    for each in arguments:
        name, equals, value = each.removeprefix("--").partition("=")
        if not each.startswith("--"):
            sources.append(each)
        elif name not in options or not equals:
            hint = nearest(name, options)
            raise InputError(f"{each}: no such setting of a report{hint}; write {USAGE}")
        else:
            options[name] = value
    if len(sources) != 1:
        raise InputError(f"sweep-report takes one sweep, as in: {USAGE}")
    return sources[0], options
