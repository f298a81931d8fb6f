"""The argument parser, with one sentence in place of jsonargparse's errors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from multitask.cli.arguments import values_of
from multitask.cli.config_errors import explain
from multitask.errors import InputError


class Parser(LightningArgumentParser):
    """Lightning's parser; accepts no abbreviations and raises `InputError`."""

    command_line: list[str] = sys.argv[1:]
    """What is being parsed, to tell where a wrong value stands."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"prog": "multitask", **kwargs, "allow_abbrev": False})

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Explain what is wrong."""
        cause: BaseException | None = ex
        while cause is not None:
            if isinstance(cause, InputError):
                raise cause
            cause = cause.__cause__
        paths = [Path(path) for path in values_of(self.command_line, "config", "c")]
        raise InputError(explain(message, self.command_line, paths)) from ex
