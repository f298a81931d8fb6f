"""Settings laid over settings: one configuration file over another, arguments over files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from multitask.cli.yaml_source import COMMAND_LINE, Place, Setting, read_argument

CLASS_KEYS = ("class_path", "init_args", "dict_kwargs")
NOT_SETTINGS = re.compile(r"(.*\.)?(config|c|print_config|help|h)")
LONGEST = 100
UNKNOWN = "${}"
"""Stands for a value that is not there to be checked, as an interpolation does."""


class Option(NamedTuple):
    """An argument such as ``--trainer.max_epochs=2``; its value is None where none follows."""

    name: str
    value: str | None

    @property
    def flag(self) -> str:
        """The argument without its value."""
        return f"--{self.name}"

    @property
    def text(self) -> str:
        """The argument as written, a long value left out."""
        text = self.flag if self.value is None else f"{self.flag}={self.value}"
        return text if len(text) <= LONGEST else f"{self.flag}=..."


def options(arguments: Sequence[str]) -> list[Option]:
    """Pick out the settings among command-line arguments.

    Args:
        arguments: the command line, with ``--name=value`` or ``--name value``.
    """
    found: list[Option] = []
    for each in arguments:
        if each.startswith("--") or re.match("-[a-zA-Z]", each):
            name, equals, value = each.lstrip("-").partition("=")
            found.append(Option(name, value if equals else None))
        elif found and found[-1].value is None:
            found[-1] = Option(found[-1].name, each)
    return [each for each in found if not NOT_SETTINGS.fullmatch(each.name)]


def overridden(tree: Setting, arguments: Sequence[str]) -> Setting:
    """Lay command-line arguments over what the configuration files say.

    Args:
        tree: what the files say.
        arguments: the command line.

    Raises:
        InputError: if a file that must be opened for that cannot be read.
    """
    for option in options(arguments):
        value = UNKNOWN if option.value is None else option.value
        leaf = read_argument(value, Place(option.text, COMMAND_LINE))
        tree = assigned(tree, option.name.split("."), leaf)
    return tree


def assigned(base: Setting | None, keys: Sequence[str], leaf: Setting) -> Setting:
    """Lay one setting over the one that dotted keys lead to.

    As for the parser, the keys may leave ``init_args`` out, and lead through a list to its last
    item.
    """
    if not keys:
        return overlaid(base, leaf)
    base = base or Setting(leaf.place, {})
    if isinstance(base.content, list) and base.content:
        *others, last = base.content
        return Setting(base.place, [*others, assigned(last, keys, leaf)])
    content = dict(_mapping(base).entries)
    if "class_path" in content and keys[0] not in CLASS_KEYS:
        keys = ["init_args", *keys]
    content[keys[0]] = assigned(content.get(keys[0]), keys[1:], leaf)
    return Setting(base.place, _appended(content))


def overlaid(base: Setting | None, top: Setting) -> Setting:
    """Lay a setting over another, as a second configuration file does; mappings merge.

    Args:
        base: what was there, if anything.
        top: what counts where both say something.
    """
    base = base or Setting(top.place, None)
    if top.names_file and base.entries:
        top = top.opened()
    if isinstance(top.content, str) and "class_path" in base.entries:
        return Setting(base.place, {**base.entries, "class_path": top})
    if not isinstance(top.content, dict):
        return top
    merged = dict(_mapping(base).entries)
    for key, value in top.content.items():
        merged[key] = overlaid(merged.get(key), value)
    return Setting(base.place, _appended(merged))


def defined_at(tree: Setting, *keys: str) -> Setting | None:
    """Find a setting by its keys, also in files that the tree names."""
    for key in keys:
        tree = tree.opened() if tree.names_file else tree
        if key not in tree.entries:
            return None
        tree = tree.entries[key]
    return tree


def _mapping(setting: Setting) -> Setting:
    if setting.names_file:
        return setting.opened()
    if isinstance(setting.content, str):
        return Setting(setting.place, {"class_path": setting})
    return setting


def _appended(content: dict[str, Setting]) -> dict[str, Setting]:
    for key in [key for key in content if key.endswith("+")]:
        added = content.pop(key)
        before = content.get(key[:-1], Setting(added.place, []))
        items = [*_items(before), *_items(added)]
        content[key[:-1]] = Setting(before.place, items)
    return content


def _items(setting: Setting) -> Iterator[Setting]:
    if isinstance(setting.content, list):
        yield from setting.content
    elif setting.content is not None:
        yield setting
