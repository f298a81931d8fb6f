"""The parser's own messages, in plain words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from multitask.cli.config_check import problems
from multitask.cli.help import VERBS
from multitask.cli.overlay import assigned, options
from multitask.cli.yaml_source import Setting, read_config, walk
from multitask.errors import nearest

EXAMPLE = "--config=configs/experiment/digits.yaml"
BOILERPLATE = re.compile(
    r"Does not validate against|Subtypes:|Errors:|Given value|Expected a <class 'NoneType'>"
    r"|Expected a path but|Subclass types expect|a class path|a dict with|Unable to load config"
)
PARSER_KEY = re.compile(r'Parser key "([^"]+)":')
BULLET = re.compile(r"^\s*- ")
Speaker = Callable[[re.Match[str], Sequence[str], Setting], str]


def sentence(message: str, arguments: Sequence[str], tree: Setting) -> str:
    """Say what a message of the parser means.

    Args:
        message: what the parser says.
        arguments: the command line.
        tree: all settings, to find where a wrong one stands.

    Returns:
        One line; the message's innermost reason where there is nothing better.

    Raises:
        InputError: if a file that the message speaks of does not exist.
    """
    for pattern, say in SPEAKERS:
        if match := re.search(pattern, message):
            return say(match, arguments, tree)
    return _innermost(message, tree)


def _unknown_verb(match: re.Match[str], arguments: Sequence[str], tree: Setting) -> str:
    return f"there is no verb '{match['given']}'{nearest(match['given'], VERBS)}"


def _no_verb(match: re.Match[str], arguments: Sequence[str], tree: Setting) -> str:
    return f"say first what to do ({', '.join(VERBS)}), as in: multitask fit {EXAMPLE}"


def _setting_before_verb(match: re.Match[str], arguments: Sequence[str], tree: Setting) -> str:
    return f"write '{match['verb']}' first, as in: multitask {match['verb']} {EXAMPLE}"


def _without_value(match: re.Match[str], arguments: Sequence[str], tree: Setting) -> str:
    empty = [each for each in options(arguments) if each.value is None]
    if not empty:
        return f"{match['flag'].split('/')[-1]} needs a value after it"
    flag = empty[0]
    true = assigned(tree, flag.name.split("."), Setting(tree.place, "true"))
    value = "..." if any(each.place == tree.place for each in problems(true)) else "true"
    return f"{flag.text} has no value; write {flag.text}={value}"


def _abstract(match: re.Match[str], arguments: Sequence[str], tree: Setting) -> str:
    return _before_its_class(arguments) or (
        f"{match['name']} is abstract, so a class_path must name one of its subclasses"
    )


def _not_accepted(match: re.Match[str], arguments: Sequence[str], tree: Setting) -> str:
    name = match["name"]
    return _before_its_class(arguments) or (
        f"{_place(tree, name.split('.')[-1:])}'{name}' is no setting of the class that it is for"
    )


def _before_its_class(arguments: Sequence[str]) -> str | None:
    given = options(arguments)
    for place, late in enumerate(given):
        for early in given[:place]:
            if early.name.startswith(f"{late.name}."):
                return f"{early.text} must come after {late.text}, which names its class"
    return None


def _required(match: re.Match[str], arguments: Sequence[str], tree: Setting) -> str:
    keys = [re.sub(r"^(fit|validate|test|predict)\.", "", key) for key in match["keys"].split(", ")]
    listed = " and ".join(filter(None, [", ".join(keys[:-1]), keys[-1]]))
    missing = f"{listed} {'are' if len(keys) > 1 else 'is'} missing"
    if keys[-1] not in ("model.encoder", "model.tasks", "data"):
        return missing
    return f"{missing}; give a configuration file that has everything, as in {EXAMPLE}"


def _unrecognized(match: re.Match[str], arguments: Sequence[str], tree: Setting) -> str:
    given = match["given"].split()[0]
    if given.startswith("--"):
        return f"{given}: {arguments[0]} has no such setting"
    if "=" in given:
        return f"{given}: a setting begins with two dashes; did you mean '--{given.lstrip('-')}'?"
    return f"'{given}' is no argument; settings are written --name=value"


def _missing_file(match: re.Match[str], arguments: Sequence[str], tree: Setting) -> str:
    path = Path(match["path"])
    read_config(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    return f"{path} cannot be read as a configuration file"


def _other_verb(match: re.Match[str], arguments: Sequence[str], tree: Setting) -> str:
    key = match["key"]
    return f"{_place(tree, key.split('.'))}{match['verb']} has no setting '{key}'; remove it"


def _ambiguous(match: re.Match[str], arguments: Sequence[str], tree: Setting) -> str:
    found = sorted(match["paths"].rstrip(".").split(", "), key=len)
    place = next(
        (each.place.text + ": " for _, each in walk(tree) if each.content == match["name"]), ""
    )
    return (
        f"{place}several classes are called {match['name']}; write its module too, as in {found[0]}"
    )


def _deep_in_mappings(match: re.Match[str], arguments: Sequence[str], tree: Setting) -> str:
    # The parser loses what a mapping in an object of another mapping held.
    for option in options(arguments):
        owner, reaches, _ = option.name.partition(f".{match['key']}.")
        if reaches:
            return (
                f"{option.text}: an argument cannot change one of the {owner.split('.')[-1]} of a "
                "source; change it in the configuration file"
            )
    return f"'{match['key']}' cannot be set by an argument; write it in the configuration file"


SPEAKERS: tuple[tuple[str, Speaker], ...] = (
    (r"invalid choice: '(?P<given>.*?)' \(choose from .*\)", _unknown_verb),
    (r'expected "subcommand" to be one of \{', _no_verb),
    (r"is not accepted before subcommand '(?P<verb>\w+)'", _setting_before_verb),
    (r"argument (?P<flag>\S+): expected one argument", _without_value),
    (r"instantiatable class, but (?P<name>[\w.]+) is abstract", _abstract),
    (r"Option '(?P<name>[^']+)' is not accepted", _not_accepted),
    (r"the following arguments are required: (?P<keys>[\w., ]*\w)", _required),
    (r"unrecognized arguments: (?P<given>.*)", _unrecognized),
    (r"File does not exist: '(?P<path>.*)'", _missing_file),
    (r"Unable to load config ['\"](?P<path>.*?)['\"]", _missing_file),
    (r"Subcommand '(?P<verb>\w+)' does not accept option '(?P<key>[^']+)'", _other_verb),
    (r"Multiple subclasses with name (?P<name>\w+)\..* ambiguity: (?P<paths>.*)", _ambiguous),
    (r"Expected a <class 'dict'>\. Got value: Namespace\((?P<key>\w+)=", _deep_in_mappings),
)


def _innermost(message: str, tree: Setting) -> str:
    keys = PARSER_KEY.findall(message)
    lines = [BULLET.sub("", PARSER_KEY.sub("", line)).strip() for line in message.splitlines()]
    reasons = [line for line in lines if line and not BOILERPLATE.match(line)]
    reason = reasons[-1] if reasons else " ".join(message.split()) or "it cannot be read"
    # The parser of a part may have said where already.
    if not keys or any(reason.startswith(f"{each.place.text}: ") for _, each in walk(tree)):
        return reason
    return f"{_place(tree, keys[-1].split('.')[-1:])}{keys[-1]}: {reason}"


def _place(tree: Setting, keys: Sequence[str]) -> str:
    found = [each.place.text for path, each in walk(tree) if path[-len(keys) :] == tuple(keys)]
    return f"{found[0]}: " if len(found) == 1 else ""
