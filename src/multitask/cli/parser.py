"""The argument parser, with one sentence in place of jsonargparse's errors.

Most that can be wrong `multitask.cli.check` finds before. What remains is told here.
"""

from __future__ import annotations

import re
from argparse import Action
from typing import Any, NoReturn

import torch
from jsonargparse import Namespace, set_dumper
from jsonargparse.typing import register_type
from lightning.pytorch.cli import LightningArgumentParser

from multitask.cli.help import EXAMPLE
from multitask.configuration.tree import Configuration
from multitask.configuration.types import plain_list
from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.pages.yaml_text import to_yaml

BOILERPLATE = re.compile(
    r"Does not validate against|Subtypes:|Errors:|Given value|Expected a <class 'NoneType'>"
    r"|Expected a path but|Subclass types expect|a class path|a dict with|Unable to load config"
)
PARSER_KEY = re.compile(r'Parser key "([^"]+)":')
TYPE = re.compile(r"<class '(?:\w+\.)*(\w+)'>")
BULLET = re.compile(r"^\s*- ")
# The parser writes settings as YAML and reads them again, also while it parses.
set_dumper("yaml", to_yaml)
# Else a callback's default device is written as what no class can be made with again.
register_type(torch.device, deserializer_exceptions=(ValueError, TypeError, RuntimeError))


class ParserError(InputError):
    """A message of the parser, which `explain` has yet to put in plain words, line by line."""

    def __init__(self, message: str) -> None:
        ValueError.__init__(self, message)


class Parser(LightningArgumentParser):
    """Lightning's parser; accepts no abbreviations and raises `InputError`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"prog": "multitask", **kwargs, "allow_abbrev": False})

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the sentence that a class or the parser of a part has found, else the message."""
        cause: BaseException | None = ex
        while cause is not None:
            if isinstance(cause, InputError):
                raise cause
            cause = cause.__cause__
        raise ParserError(message) from ex

    def _check_value_key(
        self, action: Action, value: Any, key: str, cfg: Any, append: bool = False
    ) -> Any:
        # For each item jsonargparse 4 copies the whole list: minutes for a thousand class names.
        found = None if append else plain_list(getattr(action, "_typehint", None), value)
        if found is not None:
            return found
        return super()._check_value_key(action, value, key, cfg, append)


def parse(parser: LightningArgumentParser, configuration: Configuration) -> Namespace:
    """Parse a command line that has been checked, by a `Parser`.

    Raises:
        InputError: if the parser refuses what the check could not judge.
    """
    try:
        return parser.parse_args(configuration.arguments)
    except ParserError as error:
        raise InputError(explain(str(error), configuration)) from error


def explain(message: str, configuration: Configuration) -> str:
    """Turn an error message of the parser into one sentence."""
    for pattern, say in (
        (r"the following arguments are required: (?P<keys>[\w., ]*\w)", _required),
        (r"Multiple subclasses with name (?P<name>\w+)\..* ambiguity: (?P<paths>.*)", _ambiguous),
        (r"Expected a <class 'dict'>\. Got value: Namespace\((?P<key>\w+)=", _deep_in_mappings),
    ):
        if match := re.search(pattern, message):
            return say(match, configuration)
    return TYPE.sub(r"\1", _innermost(message, configuration))


def _required(match: re.Match[str], configuration: Configuration) -> str:
    keys = [re.sub(r"^(fit|validate|test|predict)\.", "", key) for key in match["keys"].split(", ")]
    missing = f"{listed(keys)} {'are' if len(keys) > 1 else 'is'} missing"
    if keys[-1] not in ("model.encoder", "model.tasks", "data"):
        return missing
    return f"{missing}; give a configuration file that has everything, as in {EXAMPLE}"


def _ambiguous(match: re.Match[str], configuration: Configuration) -> str:
    found = sorted(match["paths"].rstrip(".").split(", "), key=len)
    settings = [each for _, each in configuration.tree.walk() if each.content == match["name"]]
    place = f"{settings[0].place}: " if settings else ""
    return (
        f"{place}several classes are called {match['name']}; write its module too, as in {found[0]}"
    )


def _deep_in_mappings(match: re.Match[str], configuration: Configuration) -> str:
    # The parser loses what a mapping in an object of another mapping held.
    for name, setting in configuration.options:
        owner, reaches, _ = name.partition(f".{match['key']}.")
        if reaches:
            group = owner.rpartition(".")[2]
            return (
                f"{setting.place}: an argument cannot change one of the {group} of a source; "
                "change it in the configuration file"
            )
    return f"'{match['key']}' cannot be set by an argument; write it in the configuration file"


def _innermost(message: str, configuration: Configuration) -> str:
    keys = PARSER_KEY.findall(message)
    lines = [BULLET.sub("", PARSER_KEY.sub("", line)).strip() for line in message.splitlines()]
    reasons = [line for line in lines if line and not BOILERPLATE.match(line)]
    reason = reasons[-1] if reasons else " ".join(message.split()) or "it cannot be read"
    if not keys:
        return reason
    return f"{configuration.place_of(keys[-1].rpartition('.')[2])}{keys[-1]}: {reason}"
