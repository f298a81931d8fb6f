"""Checks of W&B's client before a run starts; after that, its failures never end the run."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger

from multitask.errors import InputError
from multitask.runs.log_file import LOG, say
from multitask.runs.settings import RunSettings

SECRET = re.compile("KEY|TOKEN|PASS|SECRET|HEADERS|PROXY|URL|CREDENTIALS")
"""Parts of the names of variables whose values must not be printed."""
SETTINGS = {
    "project": "project",
    "group": "run_group",
    "job_type": "run_job_type",
    "tags": "run_tags",
    "notes": "run_notes",
}
"""The client's names for a run's settings."""
LONGEST_ID = 128
"""Most characters of an id; the server accepts them, and they fit into a folder's name."""
SECONDS = ("WANDB_INIT_TIMEOUT", "WANDB_FINISH_TIMEOUT")
"""Variables that limit how long the client may wait."""
_told: set[str] = set()


def check_client(settings: RunSettings) -> None:
    """Reject settings and variables that W&B's client would reject.

    An empty variable counts as not set.

    Args:
        settings: the settings of the run.

    Raises:
        InputError: with the setting or variable, and the client's reason.
    """
    import wandb

    client = wandb.Settings()
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        if not os.environ[name].strip():
            del os.environ[name]
            continue
        try:
            client.update_from_env_vars({name: os.environ[name]})
        except Exception as error:
            value = "" if SECRET.search(name) else f"='{os.environ[name]:.60}'"
            what = f"W&B does not accept the variable {name}{value} ({reason_of(error)})"
            raise InputError(f"{what}; correct it, or unset it") from error
    _check_variables(client)
    for name, theirs in SETTINGS.items():
        if value := getattr(settings, name):
            try:
                setattr(client, theirs, tuple(value) if name == "tags" else value)
            except Exception as error:
                # In the form that lets a command line find the place of a setting.
                what = "run.tags:" if name == "tags" else f"{name} is {value};"
                raise InputError(f"{what} W&B does not accept it ({reason_of(error)})") from error


def _check_variables(client: Any) -> None:
    """Reject what the client accepts at first and fails on later."""
    if len(client.run_id or "") > LONGEST_ID:
        raise InputError(
            f"the variable WANDB_RUN_ID has {len(client.run_id)} characters; give at most "
            f"{LONGEST_ID}, or unset it"
        )
    for name, path in (
        ("WANDB_IDENTITY_TOKEN_FILE", client.identity_token_file),
        ("WANDB_SWEEP_PARAM_PATH", client.sweep_param_path),
    ):
        if path and not Path(path).is_file():
            raise InputError(
                f"the variable {name} names {path}, which is not a file; correct it, or unset it"
            )
    for name in SECONDS:
        if (value := os.environ.get(name)) and not 0 <= float(value) <= sys.float_info.max:
            raise InputError(
                f"the variable {name} is {value}; give a number of seconds, 0 or more, or unset it"
            )


def reason_of(error: BaseException) -> str:
    """The client's reason for an error, as one line."""
    found = getattr(error, "errors", None)
    text = str(found()[0]["msg"]) if callable(found) else str(error)
    lines = text.removeprefix("Value error, ").strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__


@contextmanager
def nothing_lost() -> Iterator[None]:
    """Let the run continue if W&B fails to record something; this is reported once."""
    try:
        yield
    except Exception as error:
        kind, words = type(error).__name__, reason_of(error)
        reason = words if words.startswith(kind) else f"{kind}: {words}"
        LOG.warning("W&B failed", exc_info=error)
        if not _told:
            say(
                f"W&B did not record all of the run ({reason}); its folder has it, and it continues"
            )
        _told.add(reason)


class Mirror(WandbLogger):
    """Lightning's logger, whose failures do not end the run."""

    def log_hyperparams(self, params: Any) -> None:
        """See `WandbLogger`."""
        with nothing_lost():
            super().log_hyperparams(params)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """See `WandbLogger`."""
        with nothing_lost():
            super().log_metrics(metrics, step)

    def log_table(self, *arguments: Any, **options: Any) -> None:
        """See `WandbLogger`."""
        with nothing_lost():
            super().log_table(*arguments, **options)

    def log_image(self, *arguments: Any, **options: Any) -> None:
        """See `WandbLogger`."""
        with nothing_lost():
            super().log_image(*arguments, **options)

    def finalize(self, status: str) -> None:
        """See `WandbLogger`."""
        with nothing_lost():
            super().finalize(status)
