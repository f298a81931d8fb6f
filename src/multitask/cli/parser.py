"""The argument parser, with one sentence in place of jsonargparse's errors.

`multitask.cli.check` finds most errors first. The remaining ones are reported here.
"""

from __future__ import annotations

from argparse import Action
from typing import Any, NoReturn

import torch
from jsonargparse import Namespace, set_dumper
from jsonargparse.typing import register_type
from lightning.pytorch.cli import LightningArgumentParser

from multitask.configuration.parser_messages import explain
from multitask.configuration.tree import Configuration
from multitask.configuration.types import plain_list, plain_text
from multitask.configuration.union_order import read_whole_numbers_first
from multitask.errors import InputError
from multitask.pages.yaml_text import to_yaml

# The parser writes settings as YAML and reads them again, even while parsing.
set_dumper("yaml", to_yaml)
# Otherwise a callback's default device is written in a form that no class can read again.
register_type(torch.device, deserializer_exceptions=(ValueError, TypeError, RuntimeError))
read_whole_numbers_first()


class ParserError(InputError):
    """A message of the parser, which `explain` has yet to turn into plain words, line by line."""

    def __init__(self, message: str) -> None:
        ValueError.__init__(self, message)


class Parser(LightningArgumentParser):
    """Lightning's parser; it accepts no abbreviations and raises `InputError`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"prog": "multitask", **kwargs, "allow_abbrev": False})

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the error that a class or a nested parser has found, or otherwise the message."""
        cause: BaseException | None = ex
        while cause is not None:
            if isinstance(cause, InputError):
                raise cause
            cause = cause.__cause__
        raise ParserError(message) from ex

    def _check_value_key(
        self, action: Action, value: Any, key: str, cfg: Any, append: bool = False
    ) -> Any:
        # For each item, jsonargparse 4 copies the whole list: minutes for a thousand class names.
        if not append:
            annotation = getattr(action, "_typehint", None)
            for found in (plain_list(annotation, value), plain_text(annotation, value)):
                if found is not None:
                    return found
        return super()._check_value_key(action, value, key, cfg, append)


def parse(parser: LightningArgumentParser, configuration: Configuration) -> Namespace:
    """Parse a checked command line with the `Parser` of its verb.

    Raises:
        InputError: if the parser rejects something that the check could not judge.
    """
    try:
        return parser.parse_args(configuration.arguments[1:])
    except ParserError as error:
        raise InputError(explain(str(error), configuration)) from error
