"""``multitask inspect``: the contents of configured data, before any training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from multitask.cli.arguments import prepare
from multitask.cli.command_line import CommandLine
from multitask.cli.options import read_options
from multitask.data import Table
from multitask.inspection.data_report import data_report
from multitask.inspection.report_record import send, write_record
from multitask.inspection.report_text import report_text
from multitask.inspection.table_inspection import load, look_past
from multitask.runs.folder import make_folder, new_folder
from multitask.runs.log_file import keep_log, say
from multitask.runs.report import say_where
from multitask.runs.wandb_run import sync_command, wandb_mode
from multitask.tables.table_sources import tables
from multitask.tasks import Classification, MultiLabel


def inspect_command(arguments: Sequence[str]) -> None:
    """Report on configured data; print the report and write it to a folder.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument, the configuration or the data are invalid.
    """
    given = read_options("inspect", "a configuration file", arguments)
    config = [f"--config={given.subject}"] if given.subject else []
    command = CommandLine(prepare(["fit", *config, *given.settings]), downloads=False)
    with command.configuration.located_errors():
        _inspect(command)


def _inspect(command: CommandLine) -> None:
    settings, data = command.given.run, command.datamodule
    is_asked = settings.wandb in ("online", "offline") and wandb_mode(settings) is not None
    stops = look_past(data)
    load(data)
    tasks = command.model.named_tasks.items()
    names = {name: task.classes for name, task in tasks if isinstance(task, Classification)}
    names |= {name: task.labels for name, task in tasks if isinstance(task, MultiLabel)}
    title = tables(data.sources) if isinstance(data, Table) else type(data).__name__
    report = data_report(data, title, names | data.class_names(), stops)
    folder = new_folder(Path(settings.root) / "inspect" / str(settings.experiment))
    make_folder(folder)
    keep_log(folder)
    write_record(report, data, command.text, folder)
    say(report_text(report))
    if is_asked:
        send(report, settings, folder)
    say_where(folder, sync_command(folder))
