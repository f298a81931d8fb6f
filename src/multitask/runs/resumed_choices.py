"""Settings that a resumed run cannot change."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from multitask.configuration.settings import read_config
from multitask.configuration.written_arguments import values_of
from multitask.errors import InputError
from multitask.runs.settings import RunSettings

FIRST_WEIGHTS = re.compile(
    r"run\.weights|model\.encoder\.(.+\.)?(checkpoint|path|prefix|pretrained)"
)
"""Settings that name the weights a model starts from."""


def refuse_changed_choices(command: Sequence[str]) -> None:
    """Reject another seed, other initial weights, or another metric that selects the best.

    Args:
        command: the command line, with the run's last configuration.

    Raises:
        InputError: with the command that starts a new run.
    """
    path = Path(values_of(command, "config")[0])
    config = read_config(path).plain()
    seed = config.get("seed_everything")
    for given in values_of(command, "seed_everything"):
        if given != str(seed):
            raise InputError(
                f"seed_everything cannot change in a resumed run, whose random numbers continue; "
                f"start a new run: multitask fit --config={path} --seed_everything={given}"
            )
    monitor = (config.get("run") or {}).get("monitor", RunSettings.monitor)
    for given in values_of(command, "run.monitor"):
        if given != monitor:
            raise InputError(
                "run.monitor cannot change in a resumed run, whose best.ckpt it has chosen so far; "
                f"start a new run: multitask fit --config={path} --run.monitor={given}"
            )
    names = {each.lstrip("-").partition("=")[0] for each in command}
    for name in sorted(filter(FIRST_WEIGHTS.fullmatch, names)):
        for given in values_of(command, name):
            if given != _written(config, name):
                raise InputError(
                    f"{name} cannot change in a resumed run, whose weights have been trained "
                    f"since; start a new run: multitask fit --config={path} --{name}={given}"
                )


def _written(config: Any, name: str) -> str:
    """The value of a setting as an argument, whether or not its name contains ``init_args``."""
    for key in name.replace(".init_args.", ".").split("."):
        own = config if isinstance(config, dict) else {}
        config = own.get(key, (own.get("init_args") or {}).get(key))
    return config if isinstance(config, str) else json.dumps(config)
