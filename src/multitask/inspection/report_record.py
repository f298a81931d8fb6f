"""A data report in a separate folder, with its provenance, and at W&B."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger

from multitask.data import DataModule
from multitask.inspection.data_report import DataReport
from multitask.inspection.report_files import FIGURE, write_report
from multitask.pages.report import REPORT
from multitask.pages.yaml_text import to_yaml
from multitask.runs.folder import CONFIG, PROVENANCE
from multitask.runs.provenance import provenance
from multitask.runs.settings import RunSettings
from multitask.runs.wandb_client import nothing_lost
from multitask.runs.wandb_run import finish, wandb_logger


def write_record(report: DataReport, data: DataModule, config: str, folder: Path) -> None:
    """Write a report, the configuration of its data and its provenance.

    Args:
        report: the report on the data.
        data: the loaded data.
        config: the configuration, as YAML.
        folder: an existing folder.
    """
    (folder / CONFIG).write_text(config, encoding="utf-8")
    (folder / PROVENANCE).write_text(to_yaml(provenance()), encoding="utf-8")
    write_report(report, data, folder)


def send(report: DataReport, settings: RunSettings, folder: Path) -> None:
    """Log a report to W&B.

    Args:
        report: the report on the data.
        settings: whether to log online or offline.
        folder: the folder in which `write_record` has written it.
    """
    import wandb

    logger: Any = wandb_logger(settings, folder, "inspect")
    assert isinstance(logger, WandbLogger)
    logger.log_image("figures/data", [str(folder / FIGURE)])
    with nothing_lost():
        logger.experiment.log({"report": wandb.Html(str(folder / REPORT), inject=False)})
    if len(report.findings):
        logger.log_table("findings", dataframe=report.findings)
    finish(folder)
