"""``multitask init``: from a table to an experiment that trains."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from multitask.cli.help import usage
from multitask.errors import InputError, nearest
from multitask.inspection.data_report import data_report
from multitask.inspection.experiment_file import experiment_text
from multitask.inspection.report_text import report_text
from multitask.inspection.table_contents import read_contents
from multitask.inspection.table_inspection import load, table_data
from multitask.inspection.training_plan import training_plan
from multitask.runs.log_file import quiet_screen, say
from multitask.tables.table_sources import find_sources

USAGE = usage("init")


def init_command(arguments: Sequence[str]) -> None:
    """Write an experiment for a table, and report on its data.

    Args:
        arguments: what follows the verb.

    Raises:
        InputError: if an argument or the table is not right, or the experiment is there already.
    """
    source, options = _options(arguments)
    table = _table(Path(source))
    name = table.stem if table == Path(source) else Path(source).resolve().name
    output = Path(options["output"] or f"{name}.yaml")
    _refuse_existing(output)
    folder = Path(options["image_folder"]) if options["image_folder"] else None
    quiet_screen()
    contents = read_contents(table, options["image_column"] or None, folder)
    data = table_data(contents)
    load(data)
    plan = training_plan(len(data.splits["train"]), contents.images.size, contents.channels)
    text = experiment_text(contents, plan, data.findings, output)
    report = data_report(data, str(table), data.class_names(), left_out=contents.left_out)
    _write(output, text)
    say(report_text(report))
    say(f"Written, with comments on what was guessed: {output}")
    say(f"Look at it, and train: multitask fit --config {shlex.quote(str(output))}")


def _table(source: Path) -> Path:
    if not source.is_dir():
        return source
    sources = find_sources(source, {}, None)
    if len(sources) > 1:
        raise InputError(
            f"the folder {source} has a table for each split; write the one of the training set, "
            f"{sources[0].table}, and then, in what is written, {source} as path and no split"
        )
    return sources[0].table


def _refuse_existing(output: Path) -> None:
    if output.exists():
        raise InputError(f"{output} is there already; choose another name with --output=")


def _write(output: Path, text: str) -> None:
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        # It may have come to be there meanwhile.
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(
            f"{output} cannot be written ({error.strerror}); choose another place with --output="
        ) from error


def _options(arguments: Sequence[str]) -> tuple[str, dict[str, str]]:
    options, tables = {"output": "", "image_column": "", "image_folder": ""}, []
    for each in arguments:
        name, equals, value = each.removeprefix("--").partition("=")
        if not each.startswith("-"):
            tables.append(each)
        elif name not in options:
            hint = nearest(name, options)
            raise InputError(f"{each}: init has no such setting{hint}; write {USAGE}")
        elif not equals or not value:
            raise InputError(f"{each}: give a value, as in --{name}=...; write {USAGE}")
        else:
            options[name] = value
    if len(tables) != 1:
        raise InputError(f"init takes one table, as in: {USAGE}")
    return tables[0], options
