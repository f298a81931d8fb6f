"""What follows the verbs that train nothing themselves: one subject, and options."""

from __future__ import annotations

import re
from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from multitask.cli.help import usage
from multitask.configuration.written_arguments import joined
from multitask.errors import InputError, nearest

ONE = range(1, 2)


def read_options(
    verb: str, subject: str, arguments: Sequence[str], number: range = ONE, /, **defaults: Any
) -> Namespace:
    """Read ``SUBJECT --name=value ...``.

    Args:
        verb: such as ``init``.
        subject: what the verb is about, such as ``one table``.
        arguments: what follows the verb.
        number: how many subjects there may be; all of them are ``subjects``.
        defaults: the verb's options, of which those that are False take no value; without any,
            it takes the settings of a configuration.

    Raises:
        InputError: if there is another option, an option without a value, or not as many
            subjects.
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
    if not given.subject and any(each.startswith(("--config=", "-c=")) for each in settings):
        given.subject = [None]
    if len(given.subject) not in number:
        raise InputError(f"{verb} takes {subject}, as in: {usage(verb)}")
    found = {"subject": given.subject[0], "subjects": given.subject, "settings": settings}
    return Namespace(**{**vars(given), **found})


def by_task(given: str | None, what: str, tasks: Sequence[str]) -> dict[str, str]:
    """Read ``TASK:NAME,TASK:NAME``.

    Args:
        given: the option's value; None if it was not given.
        what: the option.
        tasks: names of the model's tasks.

    Raises:
        InputError: if it is written otherwise, or there is no such task.
    """
    found: dict[str, str] = {}
    # A name may have commas in it.
    begin = rf",(?=(?:{'|'.join(map(re.escape, tasks))}):)"
    for each in [] if given is None else re.split(begin, given):
        task, colon, name = each.partition(":")
        if not colon or not name:
            raise InputError(f"--{what} is '{given}'; write TASK:NAME, as in --{what}=digit:3")
        if task not in tasks:
            raise InputError(f"--{what}: the model has no task '{task}'{nearest(task, tasks)}")
        found[task] = name
    return found


def whole_number(name: str, text: str, also: str = "") -> int:
    """Read a whole number, 1 or more.

    Args:
        name: the option.
        text: its value.
        also: what else could be given, for the message.

    Raises:
        InputError: if it is something else.
    """
    if not (text.isascii() and text.isdigit() and 0 < int(text[:10]) < 10**9):
        raise InputError(f"--{name} is {text}; give a whole number, 1 or more{also}")
    return int(text)
