"""``multitask sweep``: a W&B sweep file, searched locally without W&B."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from multitask.cli.arguments import prepare
from multitask.cli.check import check_arguments
from multitask.cli.main import main
from multitask.cli.options import read_options
from multitask.configuration.offered import find_config
from multitask.configuration.written_arguments import whole_number
from multitask.study.searching.local_sweep import carry_out, process_starter
from multitask.study.searching.search import Search
from multitask.study.searching.sweep_file import read_sweep_file
from multitask.study.searching.trial_run import typical_arguments

PRELOADED = ["multitask.cli.run_command"]


def sweep_command(arguments: Sequence[str]) -> None:
    """Train the missing trials of a sweep, and write its report.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if the sweep's file or an argument is invalid.
    """
    given = read_options("sweep", "one file", arguments, processes="1", folder="sweeps")
    processes = whole_number("processes", given.processes)
    sweep = read_sweep_file(find_config(given.subject))
    # Settings that do not exist are rejected before the first trial is trained.
    check_arguments(prepare(typical_arguments(sweep)))
    search = Search(sweep, Path(given.folder) / sweep.name)
    carry_out(search, processes, process_starter(search, main, processes, PRELOADED))
