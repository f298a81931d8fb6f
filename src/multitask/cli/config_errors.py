"""Bad input on the command line, told in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from multitask.cli.config_check import problems
from multitask.cli.overlay import assigned, defined_at, options, overlaid, overridden
from multitask.cli.parser_messages import sentence
from multitask.cli.yaml_source import COMMAND_LINE, Place, Setting, read_argument, read_config, walk
from multitask.errors import InputError


def check_config_files(paths: Sequence[Path], arguments: Sequence[str] = ()) -> None:
    """Check configuration files, and the files that they name, before they are parsed.

    Args:
        paths: the files, in the order in which they count.
        arguments: the command line, which may add what the files leave out.

    Raises:
        InputError: naming the file, the line and what would be right.
    """
    tree = _nothing()
    for path in paths:
        tree = overlaid(tree, read_config(path))
        for problem in problems(tree):
            if problem.place.source == str(path) and not problem.absent:
                raise InputError(str(problem))
    _refuse_tasks_in_two_files(paths, arguments)
    for problem in problems(overridden(tree, arguments)):
        from_argument = problem.place.source == COMMAND_LINE
        in_file = not problem.place.is_argument and (problem.absent or from_argument)
        if in_file or problem.empty:
            raise InputError(str(problem))


def check_arguments(arguments: Sequence[str]) -> None:
    """Check a whole command line, which otherwise is left to the parser.

    Args:
        arguments: what `multitask.cli.arguments.prepare` returned.

    Raises:
        InputError: naming the argument, or the file and line, and what would be right.
    """
    for problem in problems(
        overridden(_all_of([Path(each) for each in _files(arguments)]), arguments)
    ):
        raise InputError(str(problem))


def explain(message: str, arguments: Sequence[str], paths: Sequence[Path]) -> str:
    """Turn an error message of the parser into one sentence.

    Args:
        message: what the parser says.
        arguments: the command line, without the program's name.
        paths: the configuration files that it names.

    Returns:
        The argument, or the file and line, that is wrong, and what would be right.
    """
    try:
        check_config_files(paths, arguments)
        tree = overridden(_all_of(paths), arguments)
        wrong = [each for each in problems(tree) if each.place.source == COMMAND_LINE]
        text = str(wrong[0]) if wrong else sentence(message, arguments, tree)
    except InputError as error:
        text = str(error)
    return " ".join(text.split())


def located(sentence: str, arguments: Sequence[str]) -> str:
    """Say where a wrong value stands, which the constructor that refuses it does not know.

    Args:
        sentence: what is wrong; it begins with the setting's name and value, as in
            ``num_classes is 1; ...``, or says how a task cannot be called.
        arguments: the command line, without the program's name.

    Returns:
        The sentence, after the argument or the file and line if only one fits.
    """
    value = re.match(r"(\w+) (?:is|has) ([^;]+?)(?: entries)?;", sentence)
    task = re.match(r"a task cannot be called '([^']+)'", sentence)
    if value is None and task is None:
        return sentence
    try:
        tree = overridden(_all_of([Path(path) for path in _files(arguments)]), arguments)
    except InputError:
        # The files cannot be read, which is what the sentence says.
        return sentence
    places = {
        each.place.text
        for path, each in walk(tree)
        if (value and path[-1:] == (value[1],) and _shown(each) == value[2])
        or (task and path[-1:] == (task[1],))
    }
    return f"{places.pop()}: {sentence}" if len(places) == 1 else sentence


def _shown(setting: Setting) -> str:
    content = setting.content
    return str(len(content)) if isinstance(content, list) else str(content)


def _files(arguments: Sequence[str]) -> list[str]:
    return [each.partition("=")[2] for each in arguments if each.startswith(("--config=", "-c="))]


def _all_of(paths: Sequence[Path]) -> Setting:
    tree = _nothing()
    for path in paths:
        tree = overlaid(tree, read_config(path))
    return tree


def _nothing() -> Setting:
    return Setting(Place(COMMAND_LINE, COMMAND_LINE), {})


def _refuse_tasks_in_two_files(paths: Sequence[Path], arguments: Sequence[str]) -> None:
    trees = [*map(read_config, paths), *_files_in_arguments(arguments)]
    found = [tasks for tree in trees if (tasks := defined_at(tree, "model", "tasks"))]
    places = list(dict.fromkeys(each.place.text for each in found))
    if len(places) > 1:
        first, second = places[:2]
        raise InputError(
            f"the tasks stand in both {first} and {second}, and the second would silently replace "
            "the first: keep all tasks in one file and change single values on the command line, "
            "e.g. --model.tasks.digit.weight=2"
        )


def _files_in_arguments(arguments: Sequence[str]) -> Iterator[Setting]:
    for option in options(arguments):
        value = read_argument(option.value or "", Place(option.text, COMMAND_LINE))
        if value.names_file and option.name == "model":
            yield assigned(None, [option.name], value)
