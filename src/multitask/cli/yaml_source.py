"""Settings as a tree in which each knows where it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from multitask.cli.yaml_reasons import line_of, reason
from multitask.errors import InputError, nearest

COMMAND_LINE = "the command line"
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser's own choice; the two differ in what they forgive."""
YAML_TYPES = "tag:yaml.org,2002:"
KINDS: dict[type, str] = {yaml.ScalarNode: "a single value", yaml.SequenceNode: "a list"}


@dataclass(frozen=True)
class Place:
    """Where a setting was written.

    Args:
        text: file and line, or the command-line argument.
        source: the configuration file that the command line named, which may have led to another
            file; `COMMAND_LINE` for what an argument holds or leads to.
        folder: where relative paths to further files start.
    """

    text: str
    source: str
    folder: Path = Path()

    @property
    def is_argument(self) -> bool:
        """Whether it is an argument, rather than a line of a file."""
        return self.text.startswith("--")


@dataclass(frozen=True)
class Setting:
    """A value and its place; the values in a mapping or list are settings themselves."""

    place: Place
    content: Any

    @property
    def entries(self) -> dict[str, Setting]:
        """What a mapping holds; nothing where it is none."""
        return self.content if isinstance(self.content, dict) else {}

    @property
    def names_file(self) -> bool:
        """Whether it may stand for a mapping in another file."""
        return isinstance(self.content, str) and self.content.endswith((".yaml", ".yml"))

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.content, dict):
            return {key: value.plain() for key, value in self.content.items()}
        if isinstance(self.content, list):
            return [each.plain() for each in self.content]
        return self.content

    def opened(self) -> Setting:
        """The mapping in the file that the setting names.

        Raises:
            InputError: if that cannot be read as a mapping.
        """
        path = self.place.folder / self.content
        return read_config(path, self.place.source, asked=f"{self.place.text}: ")


def read_config(path: Path, source: str | None = None, asked: str = "") -> Setting:
    """Read a YAML file that holds a mapping.

    Args:
        path: the file.
        source: what led to it, see `Place`; the file itself where not given.
        asked: place that names the file, to begin the error message with if it is missing.

    Returns:
        The mapping, with the file and line of everything in it.

    Raises:
        InputError: if there is no such file, it is no YAML mapping, or a key stands twice in it.
    """
    builder = _Builder(path, source or str(path))
    text = _text(path, asked)
    try:
        node = Loader(text).get_single_node()
    except yaml.YAMLError as error:
        line = line_of(error)
        place = f"{path}:{line}" if line else str(path)
        raise InputError(f"{place}: invalid YAML: {reason(error, text)}") from error
    if not isinstance(node, yaml.MappingNode):
        found = KINDS.get(type(node), "empty")
        raise InputError(f"{path}: the file is {found}; a configuration is a mapping, 'key: value'")
    return builder.setting(node, builder.place(node))


def read_argument(value: str, place: Place) -> Setting:
    """Read the value of a command-line argument, which may be a YAML list or mapping."""
    try:
        node = Loader(value).get_single_node()
    except yaml.YAMLError:
        return Setting(place, value)
    setting = _OnePlace(place).setting(node, place)
    # As the parser has it: without values, {a} and {a:1} are text.
    valued = [each for each in setting.entries.values() if each.content is not None]
    is_text = not isinstance(setting.content, dict | list) or (setting.entries and not valued)
    return Setting(place, value) if is_text and value != "null" else setting


def walk(tree: Setting, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Setting]]:
    """All settings in a tree, each with the keys that lead to it."""
    yield path, tree
    items = tree.content if isinstance(tree.content, list) else []
    for key, each in [*tree.entries.items(), *((path[-1], item) for item in items if path)]:
        yield from walk(each, (*path, key))


class _Builder:
    def __init__(self, path: Path, source: str) -> None:
        self.path, self.source = path, source

    def place(self, node: yaml.Node) -> Place:
        line = node.start_mark.line + 1
        return Place(f"{self.path}:{line}", self.source, self.path.parent)

    def setting(self, node: yaml.Node | None, place: Place) -> Setting:
        if isinstance(node, yaml.MappingNode):
            return Setting(place, self._mapping(node))
        if isinstance(node, yaml.SequenceNode):
            return Setting(place, [self.setting(each, self.place(each)) for each in node.value])
        return Setting(place, self._scalar(node))

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Setting]:
        own: dict[str, Setting] = {}
        merged: dict[str, Setting] = {}
        for key, value in node.value:
            if key.tag == f"{YAML_TYPES}merge":
                for each in _mappings(value):
                    merged = {**self._mapping(each), **merged}
            elif not isinstance(key, yaml.ScalarNode):
                raise InputError(f"{self.place(key).text}: a key must be a name")
            elif key.value in own:
                raise InputError(
                    f"{self.place(key).text}: '{key.value}' stands twice in one mapping, first at "
                    f"{own[key.value].place.text}; only the last would count, so remove one"
                )
            else:
                own[key.value] = self.setting(value, self.place(key))
        return {**merged, **own}

    def _scalar(self, node: yaml.Node | None) -> Any:
        # The parser reads dates as text.
        if node is None or node.tag == f"{YAML_TYPES}timestamp":
            return None if node is None else node.value
        try:
            return Loader("").construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            text = f"{self.place(node).text}: invalid YAML: {reason(error)}"
            raise InputError(text) from error


class _OnePlace(_Builder):
    def __init__(self, place: Place) -> None:
        super().__init__(Path(), place.source)
        self._place = place

    def place(self, node: yaml.Node) -> Place:
        return self._place


def _mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return (each for each in nodes if isinstance(each, yaml.MappingNode))


def _text(path: Path, asked: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{asked}there is no file {path}{_near_file(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise InputError(f"{asked}the file {path} cannot be read: {reason}") from error


def _near_file(path: Path) -> str:
    # By stems, because a common ending makes all names alike.
    there = {each.stem: each.name for each in sorted(path.parent.glob("*.y*ml"))}
    suggestion = nearest(path.stem, there)
    return re.sub("'(.*?)'", lambda stem: f"'{there[stem[1]]}'", suggestion)
