"""Arguments of verbs that do not train themselves: one subject, and options."""

from __future__ import annotations

from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from multitask.cli.help import usage
from multitask.configuration.home_folders import home_expanded
from multitask.configuration.written_arguments import joined
from multitask.errors import InputError, nearest

ONE = range(1, 2)


def read_options(
    verb: str, subject: str, arguments: Sequence[str], number: range = ONE, /, **defaults: Any
) -> Namespace:
    """Read ``SUBJECT --name=value ...``.

    Args:
        verb: verb, such as ``init``.
        subject: what the verb applies to, such as ``one table``.
        arguments: arguments after the verb.
        number: allowed number of subjects; all of them are ``subjects``.
        defaults: the verb's options; those that are False are flags without a value. Without any
            options, the verb accepts the settings of a configuration.

    Raises:
        InputError: for an unknown option, an option without a value, or a wrong number of subjects.
    """
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("subject", nargs="*")
    for name, default in defaults.items():
        kind = "store_true" if default is False else "store"
        parser.add_argument(f"--{name}", default=default, action=kind)
    try:
        given, settings = parser.parse_known_intermixed_args(joined(arguments))
    except ArgumentError as error:
        is_flag = defaults.get(str(error.argument_name).lstrip("-")) is False
        cure = "write it without a value" if is_flag else "give a value"
        raise InputError(f"{error.argument_name}: {cure}; write {usage(verb)}") from error
    for each in settings if defaults else ():
        hint = nearest(each.lstrip("-").partition("=")[0], defaults)
        raise InputError(f"{each}: {verb} has no such setting{hint}; write {usage(verb)}")
    for name, value in vars(given).items():
        if value == "":
            raise InputError(f"--{name}=: give a value, as in --{name}=...; write {usage(verb)}")
        if isinstance(value, str) and value.startswith("~"):
            setattr(given, name, str(home_expanded(value)))
    if not given.subject and any(each.startswith(("--config=", "-c=")) for each in settings):
        given.subject = [None]
    if len(given.subject) not in number:
        is_table = "table" in defaults and len(given.subject) == 2
        cure = f"give --table={given.subject[1]}" if is_table else f"as in: {usage(verb)}"
        raise InputError(f"{verb} expects {subject}{'; ' if is_table else ', '}{cure}")
    found = {"subject": given.subject[0], "subjects": given.subject, "settings": settings}
    return Namespace(**{**vars(given), **found})
