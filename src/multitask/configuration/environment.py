"""Settings in environment variables: each takes effect or is refused."""

from __future__ import annotations

import os
from collections.abc import Mapping

from multitask.errors import InputError

OF_TRAINER = "PL_TRAINER_"
"""Prefix of Trainer settings in variables that only Lightning would read."""


def check_environment(variables: Mapping[str, str] = os.environ) -> None:
    """Refuse variables that would be ignored, or fail later.

    Args:
        variables: the environment variables.

    Raises:
        InputError: naming the variable and what to do.
    """
    _check_trainer(variables)
    _check_drawing(variables)


def _check_trainer(variables: Mapping[str, str]) -> None:
    # Lightning reads them for settings that are not given, but a configuration gives all of them.
    for name in sorted(each for each in variables if each.startswith(OF_TRAINER)):
        if value := variables[name]:
            setting = name.removeprefix(OF_TRAINER).lower()
            raise InputError(
                f"the variable {name} has no effect here; give --trainer.{setting}={value:.60} "
                "instead, and unset it"
            )


def _check_drawing(variables: Mapping[str, str]) -> None:
    # Libraries import matplotlib, which fails on an unknown name.
    if not (name := variables.get("MPLBACKEND")):
        return
    try:
        from matplotlib.rcsetup import validate_backend

        validate_backend(name)
    except ValueError as error:
        raise InputError(
            f"MPLBACKEND is '{name}', which matplotlib does not support; set it to agg, or unset it"
        ) from error
