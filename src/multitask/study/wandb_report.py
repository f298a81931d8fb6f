"""A study's report at Weights & Biases."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from multitask.runs.log_file import say
from multitask.runs.settings import RunSettings
from multitask.runs.wandb_client import nothing_lost
from multitask.runs.wandb_run import finish, start_report, sync_command
from multitask.study.folder_names import ascii_slug
from multitask.study.plan import Study, planned

TABLES = ("scores", "differences", "comparisons", "costs", "variation")
"""CSV files of a report that are shown, if they exist."""


def send_report(study: Study, page: Path) -> None:
    """Send a study's report, the page and its tables, to W&B, where its runs are.

    It is one run in the study's group with the job type ``report``. Its id is derived from the
    study's name, so that the next report replaces it.

    Args:
        study: the study; nothing happens if its runs are not at W&B.
        page: the report, a self-contained HTML file; its tables lie beside it.

    Raises:
        InputError: if it must be online and there is no API key.
    """
    run = start_report(
        RunSettings(
            wandb=study.wandb, project=_project(study), group=study.name, tags=[study.name[:64]]
        ),
        page.parent,
        f"report-{ascii_slug(study.name)}",
        f"{study.name}, report",
    )
    if run is None:
        return
    with nothing_lost():
        run.config.update(asdict(study), allow_val_change=True)
        run.log(_shown(page))
    is_offline = run.offline
    finish(page.parent)
    if is_offline:
        say(f"Report recorded offline; to send it to W&B: {sync_command(page.parent)}")


def _shown(page: Path) -> dict[str, Any]:
    # Most studies are not at W&B, and need not import what takes long.
    import wandb

    paths = {name: page.parent / f"{name}.csv" for name in TABLES}
    tables = {name: _read(path) for name, path in paths.items() if path.is_file()}
    return {
        "report": wandb.Html(str(page), inject=False),
        **{
            # In the file, rows by method have no column name for it.
            f"tables/{name}": wandb.Table(dataframe=table.rename(columns={"Unnamed: 0": "method"}))
            for name, table in tables.items()
            if len(table)
        },
    }


def _read(path: Path) -> pd.DataFrame:
    # A method may be named NA.
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def _project(study: Study) -> str | None:
    run = next(planned(study))
    return run.settings.get("run.project") or (run.config.get("run") or {}).get("project")
