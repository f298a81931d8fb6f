"""What a resumed run has chosen once and for all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from multitask.configuration.settings import read_config
from multitask.configuration.written_arguments import values_of
from multitask.errors import InputError
from multitask.runs.settings import RunSettings


def refuse_changed_choices(command: Sequence[str]) -> None:
    """Refuse another seed, or another metric that chooses the best checkpoint.

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
