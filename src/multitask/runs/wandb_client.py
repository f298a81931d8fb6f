"""What W&B's client refuses, before a run begins; after that nothing that it does ends the run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger

from multitask.errors import InputError
from multitask.runs.log_file import LOG, say
from multitask.runs.settings import RunSettings

SECRET = re.compile("KEY|TOKEN|PASS|SECRET|HEADERS|PROXY|URL|CREDENTIALS")
"""In the names of variables whose values are not for the screen."""
SETTINGS = {
    "project": "project",
    "group": "run_group",
    "job_type": "run_job_type",
    "tags": "run_tags",
    "notes": "run_notes",
}
"""What the client calls a run's settings."""
LONGEST_ID = 128
"""Characters that the server takes, and a folder's name can have beside others."""
_told: set[str] = set()


def check_client(settings: RunSettings) -> None:
    """Refuse what W&B's client would refuse: settings, and its variables.

    A variable that is empty counts as not set.

    Args:
        settings: what was said about the run.

    Raises:
        InputError: naming the setting or the variable, and the client's reason.
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
            what = f"W&B does not take the variable {name}{value} ({reason_of(error)})"
            raise InputError(f"{what}; set it right, or unset it") from error
    _check_variables(client)
    for name, theirs in SETTINGS.items():
        if value := getattr(settings, name):
            try:
                setattr(client, theirs, tuple(value) if name == "tags" else value)
            except Exception as error:
                # Of the form by which a command line finds the place of a setting.
                what = "run.tags:" if name == "tags" else f"{name} is {value};"
                raise InputError(f"{what} W&B does not take it ({reason_of(error)})") from error


def _check_variables(client: Any) -> None:
    """Refuse what the client lets pass, and fails at later."""
    if len(client.run_id or "") > LONGEST_ID:
        raise InputError(
            f"the variable WANDB_RUN_ID has {len(client.run_id)} characters; give at most "
            f"{LONGEST_ID}, or unset it"
        )
    token = client.identity_token_file
    if token and not Path(token).is_file():
        raise InputError(
            f"the variable WANDB_IDENTITY_TOKEN_FILE names {token}, which is not a file; set it "
            "right, or unset it"
        )


def reason_of(error: BaseException) -> str:
    """Why the client refuses something, in a line of its own words."""
    found = getattr(error, "errors", None)
    text = str(found()[0]["msg"]) if callable(found) else str(error)
    lines = text.removeprefix("Value error, ").strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__


@contextmanager
def nothing_lost() -> Iterator[None]:
    """Let the run continue though W&B does not take what it is told; that is said once."""
    try:
        yield
    except Exception as error:
        kind, words = type(error).__name__, reason_of(error)
        reason = words if words.startswith(kind) else f"{kind}: {words}"
        LOG.warning("W&B failed", exc_info=error)
        if not _told:
            say(f"W&B does not take all of the run ({reason}); its folder has it, and it continues")
        _told.add(reason)


class Mirror(WandbLogger):
    """Lightning's logger, none of whose failures ends the run."""

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
