"""Files and arguments merged into one tree: later files override earlier ones, arguments files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

from multitask.configuration.classes import paths_of
from multitask.configuration.settings import Setting, read_argument, read_config
from multitask.configuration.trust import known_imports_only
from multitask.configuration.written_arguments import OPTION, joined, values_of
from multitask.errors import InputError, bad_input
from multitask.pages.yaml_text import in_one_line

CLASS_KEYS = ("class_path", "init_args", "dict_kwargs")
NOT_SETTINGS = re.compile(r"(.*\.)?(config|c|print_config|help|h)")
TRUST = "--trust"
FOUND = f"who wrote {{path}}, which was found beside the checkpoint: add {TRUST}"
GROUPS = ("model", "data", "trainer", "run", "model.tasks")
LONGEST = 100
NO_VALUE = "${}"
"""Stands for the missing value of an argument."""


@dataclass(frozen=True)
class Configuration:
    """A command line, and its settings merged with those of the files that it names.

    Args:
        arguments: the command line, without the program's name.
        options: the settings among the arguments, each with its name.
        tree: all settings; later settings override earlier ones.
        is_trusted: whether the user has written, or vouches for, all of the settings.
    """

    arguments: list[str]
    options: list[tuple[str, Setting]]
    tree: Setting
    is_trusted: bool = True

    def imports(self) -> AbstractContextManager[None]:
        """Restrict the parser's imports to what the user vouches for."""
        if self.is_trusted:
            return nullcontext()
        given = [each.content for _, each in self.tree.walk() if not each.untrusted]
        named = [each for each in given if isinstance(each, str) and "." in each]
        return known_imports_only({path for each in named for path in paths_of(each)})

    def place_of(self, key: str) -> str:
        """Return the place of the only setting of that name, as the beginning of a sentence."""
        found = [each.place for path, each in self.tree.walk() if path[-1:] == (key,)]
        return f"{found[0]}: " if len(found) == 1 else ""

    def located(self, sentence: str) -> str:
        """Add the place of a wrong value, which the constructor that refuses it does not know.

        Args:
            sentence: description of the problem; it begins with the setting's name and value, as in
                ``num_classes is 1; ...``, or names an invalid task name.

        Returns:
            The sentence, prefixed with the argument or the file and line if exactly one matches.
        """
        value = re.match(r"(\w+) (?:is|has) ([^;]+?)(?: entries)?;", sentence)
        task = re.match(r"a task cannot be called '([^']+)'", sentence)

        def shown(content: Any) -> str:
            return str(len(content)) if isinstance(content, list) else str(content)

        places = {
            each.place
            for path, each in self.tree.walk()
            if (value and path[-1:] == (value[1],) and shown(each.content) == value[2])
            or (task and path[-1:] == (task[1],))
        }
        return f"{places.pop()}: {sentence}" if len(places) == 1 else sentence

    @contextmanager
    def located_errors(self) -> Iterator[None]:
        """Add the place to errors about bad input that are raised inside, see `located`."""
        try:
            yield
        except Exception as error:
            if (found := bad_input(error)) is None:
                raise
            raise InputError(self.located(str(found))) from error

    def before_its_class(self) -> str | None:
        """Report an argument that changes an object whose class is named only by a later one."""
        for place, (late, named) in enumerate(self.options):
            for early, changed in self.options[:place]:
                if early.startswith(f"{late}."):
                    order = f"{changed.place} must come after {named.place}"
                    return f"{order}, which names its class"
        return None


def read_configuration(arguments: Sequence[str], found: Collection[Path] = ()) -> Configuration:
    """Read the files that a command line names, and merge its settings into them.

    Args:
        arguments: the command line, without the program's name.
        found: the files that lie beside the checkpoint, whose content the user may not know;
            ``--trust`` vouches for them.

    Raises:
        InputError: if a file or an argument cannot be read, or two files define tasks.
    """
    arguments = joined(arguments)
    if TRUST in arguments:
        arguments, found = [each for each in arguments if each != TRUST], ()
    paths = [Path(name) for name in values_of(arguments, "config", "c")]
    files = [
        read_config(each, untrusted=FOUND.format(path=each) if each in found else "")
        for each in paths
    ]
    _refuse_tasks_in_two_files(files, _options(arguments[1:]))
    tree = reduce(laid_over, files, Setting("the command line", {}))
    rewritten, options = arguments[:1], []
    for argument in arguments[1:]:
        parts = [part for each in _options([argument]) for part in _laid_open(*each, tree)]
        for name, setting in parts:
            tree = _assigned(tree, name.split("."), setting)
        is_split = len(parts) != 1 or not argument.startswith(f"--{parts[0][0]}=")
        rewritten += _written(parts) if parts and is_split else [argument]
        options += parts
    return Configuration(rewritten, options, tree, is_trusted=not found)


def laid_over(base: Setting | None, top: Setting) -> Setting:
    """Merge a setting into an earlier one, as a second file does; mappings are merged."""
    if base is None:
        base = Setting(top.place, {})
    elif top.names_file and base.entries:
        top = top.opened()
    if isinstance(top.content, str) and "class_path" in base.entries:
        top = Setting(top.place, {"class_path": top})
    if not isinstance(top.content, dict):
        return replace(top, replaced=base if base.content != {} else None)
    # A replaced text may be a value other than a class name.
    written, base = base, _mapping(base)
    if not isinstance(base.content, dict) or _changes_class(base, top):
        # The parser keeps the old class's arguments only if the new class accepts them too.
        base = Setting(base.place, {}, replaced=written)
    merged = dict(base.entries)
    for key, value in top.entries.items():
        merged[key] = laid_over(merged.get(key), value)
    return replace(base, content=_appended(merged))


def _assigned(base: Setting | None, keys: Sequence[str], leaf: Setting) -> Setting:
    # As in the parser, keys may omit init_args and lead through a list to its last item.
    if not keys:
        return laid_over(base, leaf)
    base = base or Setting(leaf.place, {})
    if isinstance(base.content, list) and base.content:
        *others, last = base.content
        return replace(base, content=[*others, _assigned(last, keys, leaf)])
    if list(keys) == ["class_path"]:
        return laid_over(base, Setting(leaf.place, {"class_path": leaf}))
    base = _mapping(base)
    content = dict(base.entries)
    if "class_path" in content and keys[0] not in CLASS_KEYS:
        keys = ["init_args", *keys]
    content[keys[0]] = _assigned(content.get(keys[0]), keys[1:], leaf)
    return replace(base, content=_appended(content))


def _laid_open(name: str, setting: Setting, tree: Setting) -> list[tuple[str, Setting]]:
    """Split a mapping that changes named objects, because the parser would replace them."""
    base: Setting | None = tree
    for key in name.split("."):
        base = _inner(base, key)
    return list(_changes(name, setting, base))


def _changes(name: str, setting: Setting, base: Setting | None) -> Iterator[tuple[str, Setting]]:
    is_changed = base is not None and (name in GROUPS or _holds_mappings(base))
    if not is_changed or not setting.entries or "class_path" in setting.entries:
        yield name, setting
        return
    for key, each in setting.entries.items():
        if key == "init_args" and each.entries:
            yield from _changes(name, each, base)
        else:
            yield from _changes(f"{name}.{key}", each, _inner(base, key))


def _inner(base: Setting | None, key: str) -> Setting | None:
    if base is None:
        return None
    opened = _mapping(base)
    given = opened.entries.get("init_args")
    return opened.entries.get(key) or (given.entries.get(key) if given else None)


def _holds_mappings(base: Setting) -> bool:
    entries = _mapping(base).entries
    are_mappings = bool(entries) and all(each.entries for each in entries.values())
    return "class_path" in entries or are_mappings


def _written(options: list[tuple[str, Setting]]) -> list[str]:
    return [f"--{name}={_flow(setting.plain())}" for name, setting in options]


def _flow(value: Any) -> str:
    return value if isinstance(value, str) else in_one_line(value)


def _options(arguments: Sequence[str]) -> list[tuple[str, Setting]]:
    found = []
    for each in arguments:
        name, equals, value = each.lstrip("-").partition("=")
        if not OPTION.match(each) and equals:
            hint = f"did you mean '--{each.lstrip('-')}'?"
            raise InputError(f"{each}: a setting starts with two dashes; {hint}")
        if not OPTION.match(each):
            is_file = each.endswith((".yaml", ".yml"))
            cure = f"write --config={each}" if is_file else "settings are written --name=value"
            raise InputError(f"'{each}' is not an argument; {cure}")
        if name in ("config", "c") and not equals:
            raise InputError(f"{each} needs a value after it")
        if not NOT_SETTINGS.fullmatch(name):
            place = each if len(each) <= LONGEST else f"--{name}=..."
            setting = read_argument(value, place) if equals else Setting(place, NO_VALUE)
            found.append((name, setting))
    return found


def _changes_class(base: Setting, top: Setting) -> bool:
    names = [each.entries["class_path"] for each in (base, top) if "class_path" in each.entries]
    # The name alone refers to the same class as a path that ends in it.
    return len({str(each.content).rpartition(".")[2] for each in names}) > 1


def _mapping(setting: Setting) -> Setting:
    if setting.names_file:
        return setting.opened()
    is_class = isinstance(setting.content, str)
    return Setting(setting.place, {"class_path": setting}) if is_class else setting


def _appended(content: dict[str, Setting]) -> dict[str, Setting]:
    for key in [key for key in content if key.endswith("+")]:
        added = content.pop(key)
        before = content.get(key[:-1], Setting(added.place, []))
        items = [
            each.content if isinstance(each.content, list) else [each]
            for each in (before, added)
            if each.content is not None
        ]
        content[key[:-1]] = Setting(before.place, [item for each in items for item in each])
    return content


def _refuse_tasks_in_two_files(files: list[Setting], options: list[tuple[str, Setting]]) -> None:
    models = [each.entries["model"] for each in files if "model" in each.entries]
    models += [each for name, each in options if name == "model"]
    models = [each.opened() if each.names_file else each for each in models]
    tasks = [each.entries["tasks"] for each in models if "tasks" in each.entries]
    places = list(dict.fromkeys(each.place for each in tasks if not each.is_argument))
    if len(places) > 1:
        raise InputError(
            f"the tasks are defined in both {places[0]} and {places[1]}, and the second would "
            "silently replace the first; keep all tasks in one file and change single values on "
            "the command line, e.g. --model.tasks.digit.weight=2"
        )
