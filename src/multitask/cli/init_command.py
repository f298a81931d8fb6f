"""``multitask init``: from a table to an experiment that trains."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from multitask.after.new_output import new_output, refuse_existing
from multitask.cli.options import read_options
from multitask.errors import InputError
from multitask.inspection.data_report import data_report
from multitask.inspection.experiment_file import experiment_text
from multitask.inspection.report_text import report_text
from multitask.inspection.table_contents import read_contents
from multitask.inspection.table_inputs import Wanted
from multitask.inspection.table_inspection import load_table, table_data
from multitask.inspection.training_plan import training_plan
from multitask.runs.log_file import quiet_screen, say
from multitask.tables.table_sources import find_sources


def init_command(arguments: Sequence[str]) -> None:
    """Write an experiment for a table, and report on its data.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument or the table is invalid, or the experiment already exists.
    """
    names = ("output", "image_column", "image_folder", "symbolic_link", "targets", "inputs")
    optional: dict[str, Any] = dict.fromkeys(names)
    given = read_options("init", "one table", arguments, **optional)
    source = Path(given.subject)
    if given.symbolic_link not in (None, "error", "keep"):
        raise InputError(f"--symbolic_link is {given.symbolic_link}; give keep or error")
    keep_links = given.symbolic_link == "keep"
    sources = find_sources(source, {}, None, may_lack=("val", "test"))
    table = source if len(sources) > 1 else sources[0].table
    name = source.resolve().name if source.is_dir() else source.stem
    output = Path(given.output or f"{name}.yaml")
    refuse_existing(output)
    quiet_screen()
    folder = Path(given.image_folder) if given.image_folder else None
    named = (each and each.split(",") for each in (given.targets, given.inputs))
    contents = read_contents(table, given.image_column, folder, keep_links, Wanted(*named))
    data = table_data(contents, keep_links=keep_links)
    load_table(data)
    maps = any(each.maps for each in contents.targets)
    samples = len(data.splits["train"])
    size, channels = contents.image_size, contents.channels
    plan = training_plan(samples, size, channels, maps, contents.choice)
    text = experiment_text(contents, plan, data, output, keep_links)
    report = data_report(data, str(table), data.class_names(), left_out=contents.left_out)
    with new_output(output) as part:
        part.write_text(text, encoding="utf-8")
    say(report_text(report))
    say(f"Written, with comments on what was guessed: {output}")
    for line in contents.told():
        say(line)
    say(f"Check it, and train: multitask fit --config {shlex.quote(str(output))}")
