"""``multitask sweep-report``: the results of a sweep, as a study's report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from multitask.cli.help import usage
from multitask.cli.options import read_options
from multitask.errors import InputError
from multitask.runs.log_file import say
from multitask.study.sweep import find_trials, read_sweep
from multitask.study.sweep_download import download
from multitask.study.sweep_report import write_sweep_report


def sweep_report_command(arguments: Sequence[str]) -> None:
    """Write the report of a sweep, from the W&B server or from the folders of its runs.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument is invalid, or there is nothing to report.
    """
    given = read_options("sweep-report", "one sweep", arguments, folder="studies", sweep=None)
    source, folder, sweep = given.subject, Path(given.folder), given.sweep
    if Path(source).is_dir():
        trials = find_trials(Path(source), sweep)
        name = f"sweep-{trials[0].sweep or Path(source).resolve().name}"
    elif re.fullmatch(r"[^/]+/[^/]+/[^/]+", source):
        name = f"sweep-{source.rpartition('/')[2]}"
        if running := download(source, folder / name / "runs"):
            say(f"Skipped, because they are still running: {', '.join(running)}")
        trials = find_trials(folder / name / "runs", sweep)
    else:
        raise InputError(f"{source} is neither a folder nor a sweep; write {usage('sweep-report')}")
    page = write_sweep_report(read_sweep(trials, name), folder / name)
    say(f"Report: {page}")
