"""Destinations of a run's values: ``metrics.csv``, W&B, and loggers that the user adds."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import Logger, WandbLogger

from multitask.distributed import is_first_process
from multitask.errors import InputError, reason_of, settings_blamed
from multitask.runs.log_file import say
from multitask.runs.metrics_file import MetricsFile
from multitask.runs.settings import RunSettings
from multitask.runs.wandb_run import wandb_logger, wandb_mode

METRICS = "metrics.csv"
INSTEAD = (
    "set run.project, run.group, run.tags or run.notes instead, or --run.wandb=off, so that yours "
    "is the only one"
)


def added_loggers(given: Any) -> list[Logger]:
    """The loggers that ``trainer.logger`` adds to the run's own.

    Args:
        given: the setting: one or several loggers, or true or null for the run's own only.

    Raises:
        InputError: if it is false, since ``metrics.csv`` is always written.
    """
    if given is False:
        raise InputError(
            "trainer.logger is false, but a run always writes metrics.csv; remove the setting, and "
            "set --run.wandb=off to record nothing at W&B"
        )
    if given is None or given is True:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]


def check_loggers(trainer: Any, settings: RunSettings, verb: str) -> None:
    """Reject loggers that would record a run at W&B twice, or a sweep's trial not at all.

    For an offline trial, a message says that its score arrives late.

    Args:
        trainer: the Trainer's settings.
        settings: the settings of the run.
        verb: the subcommand, such as ``fit``.

    Raises:
        InputError: with a suggestion of what would be valid; also if the run must be online at W&B
            and there is no API key.
    """
    theirs = _of_wandb(added_loggers(trainer.logger))
    if len(theirs) > 1:
        raise InputError(
            f"trainer.logger has {len(theirs)} WandbLoggers, but a run is one W&B run; keep one"
        )
    if theirs and settings.wandb in ("online", "offline"):
        raise InputError(
            f"trainer.logger has a WandbLogger, but run.wandb is {settings.wandb}, which records "
            f"the run at W&B already; remove the WandbLogger and {INSTEAD}"
        )
    # Their settings are not queried, because W&B's client caches them at the first query.
    mode = "online" if theirs else wandb_mode(settings)
    if verb == "fit" and trainer.fast_dev_run:
        _refuse_blind_trial("with trainer.fast_dev_run nothing is recorded; remove that setting")
    elif verb == "fit" and mode is None:
        _refuse_blind_trial("W&B is off; remove run.wandb, and WANDB_MODE from the environment")
    elif verb == "fit" and mode == "offline" and is_first_process():
        _tell_offline_trial()


def _of_wandb(loggers: Sequence[Logger]) -> list[WandbLogger]:
    return [each for each in loggers if isinstance(each, WandbLogger)]


def _refuse_blind_trial(reason: str) -> None:
    sweep = os.environ.get("WANDB_SWEEP_ID")
    if sweep is not None:
        raise InputError(
            f"this is a trial of the sweep {sweep}, which waits for its score, but {reason}"
        )


def _tell_offline_trial() -> None:
    if "WANDB_SWEEP_ID" in os.environ:
        say(
            "W&B is offline: the sweep sees this trial's score once `wandb sync` sends it, so a "
            "search that learns from scores, such as Bayes or Hyperband, learns nothing until then"
        )


def started(loggers: Sequence[Logger]) -> list[Logger]:
    """Make loggers open their outputs before the run starts.

    Args:
        loggers: the loggers that the user adds.

    Returns:
        The same loggers.

    Raises:
        InputError: if a logger fails.
    """
    for each in loggers:
        # Most loggers start when this is first read.
        if is_first_process() and hasattr(type(each), "experiment"):
            name = type(each).__name__
            with settings_blamed(
                f"the logger {name} cannot start as configured", also_own_code=True
            ):
                writer: Any = each.experiment  # type: ignore[attr-defined]
            if isinstance(each, WandbLogger) and writer.offline:
                _tell_offline_trial()
    return list(loggers)


def run_loggers(
    settings: RunSettings, added: Sequence[Logger], folder: Path, verb: str
) -> list[Logger]:
    """All loggers of a run: its ``metrics.csv``, W&B unless it is off, and added loggers.

    If ``wandb`` is ``auto``, an added WandbLogger is used for the run.

    Args:
        settings: the settings of the run.
        added: what `started` returned.
        folder: the run's folder.
        verb: the subcommand; predictions are not recorded at W&B.

    Raises:
        InputError: if the run must be online at W&B and there is no API key.
    """
    loggers: list[Logger] = [MetricsFile(folder / METRICS)]
    if verb != "predict" and not _of_wandb(added):
        loggers += filter(None, [wandb_logger(settings, folder, verb)])
    return [*loggers, *added]


def is_at_wandb(given: Any, settings: RunSettings) -> bool:
    """Whether a run is recorded at W&B, now or later.

    Args:
        given: ``trainer.logger``.
        settings: the settings of the run.
    """
    return bool(_of_wandb(added_loggers(given))) or wandb_mode(settings) is not None


def tell_configuration(trainer: Trainer, config: dict[str, Any]) -> None:
    """Pass the run's configuration to all loggers except W&B's.

    Args:
        trainer: the Trainer.
        config: the whole configuration; W&B gets it separately, because it may change there.
    """
    for each in trainer.loggers:
        if isinstance(each, WandbLogger | MetricsFile):
            continue
        try:
            each.log_hyperparams(config)
        except Exception as error:
            # A failing logger must not end the run, and config.yaml has everything.
            name = type(each).__name__
            warnings.warn(
                f"the logger {name} does not accept the run's configuration: {reason_of(error)}",
                stacklevel=2,
            )
