"""Explanations of jsonargparse's error messages, in one sentence each.

Most errors are found before parsing; the remaining ones are explained here.
"""

from __future__ import annotations

import re

from multitask.configuration.offered import EXAMPLE
from multitask.configuration.tree import Configuration
from multitask.pages.words import listed

BOILERPLATE = re.compile(
    r"Does not validate against|Subtypes:|Errors:|Given value|Expected a <class 'NoneType'>"
    r"|Expected a path but|Subclass types expect|a class path|a dict with|Unable to load config"
)
PARSER_KEY = re.compile(r'Parser key "([^"]+)":')
TYPE = re.compile(r"<class '(?:\w+\.)*(\w+)'>")
BULLET = re.compile(r"^\s*- ")


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
    keys = match["keys"].split(", ")
    missing = f"{listed(keys)} {'are' if len(keys) > 1 else 'is'} missing"
    if keys[-1] not in ("model.encoder", "model.tasks", "data"):
        return missing
    return f"{missing}; give a complete configuration file, as in {EXAMPLE}"


def _ambiguous(match: re.Match[str], configuration: Configuration) -> str:
    found = sorted(match["paths"].rstrip(".").split(", "), key=len)
    settings = [each for _, each in configuration.tree.walk() if each.content == match["name"]]
    place = f"{settings[0].place}: " if settings else ""
    return (
        f"{place}several classes are called {match['name']}; write its module too, as in {found[0]}"
    )


def _deep_in_mappings(match: re.Match[str], configuration: Configuration) -> str:
    # The parser loses the content of a mapping in an object of another mapping.
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
