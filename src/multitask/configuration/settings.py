"""YAML read as settings, each of which stores where it was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from multitask.configuration.offered import offered_beside
from multitask.configuration.yaml_text import Loader, UnreadableYaml, bounded_text, compose
from multitask.errors import InputError, nearest

YAML_TYPES = "tag:yaml.org,2002:"
NO_TEXTS = [YAML_TYPES + each for each in ("bool", "null", "int", "float")]
KINDS: dict[type, str] = {yaml.ScalarNode: "a single value", yaml.SequenceNode: "a list"}
# For both of PyYAML's parsers, which use different wording.
REASONS = (
    (r"cannot start any token", "a value cannot begin with '{character}'; put it in quotes"),
    (r"mapping values are not allowed", "one colon too many, or wrong indentation"),
    (r"expected ',' or '\]'", "a list is not closed by ']'; it starts in line {begin}"),
    (r"expected ',' or '\}'", "a mapping is not closed by '}}'; it starts in line {begin}"),
    (r"unexpected end of stream", "a quote is not closed; it starts in line {begin}"),
    (r"expected key|expected <block end>", "the indentation does not match the lines above"),
    (r"expected '-' indicator", "the indentation does not match the lines above"),
    (r"another document", "a second document starts; a file must contain only one"),
    (r"undefined alias", "a '*' refers to a value that no '&' names"),
)


@dataclass(frozen=True)
class Setting:
    """A value and its place; the values in a mapping or list are also settings.

    Args:
        place: file and line, or the command-line argument.
        content: the value.
        folder: folder that relative paths to other files start from.
        replaced: the setting that it replaced, which must be valid too.
        untrusted: the source to trust before importing names outside the known packages, and how to
            do so; empty if the setting comes from the user.
    """

    place: str
    content: Any
    folder: Path = Path()
    replaced: Setting | None = None
    untrusted: str = ""

    @property
    def is_argument(self) -> bool:
        """Whether it comes from an argument, rather than from a line of a file."""
        return self.place.startswith("--")

    @property
    def entries(self) -> dict[str, Setting]:
        """The mapping's entries; empty if it is another value."""
        return self.content if isinstance(self.content, dict) else {}

    @property
    def names_file(self) -> bool:
        """Whether it may refer to a mapping in another file."""
        return isinstance(self.content, str) and self.content.endswith((".yaml", ".yml"))

    def opened(self) -> Setting:
        """Read the mapping in the file that the setting names, see `read_config`."""
        return read_config(self.folder / self.content, f"{self.place}: ", self.untrusted)

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.content, dict):
            return {key: value.plain() for key, value in self.content.items()}
        if isinstance(self.content, list):
            return [each.plain() for each in self.content]
        return self.content

    def walk(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Setting]]:
        """Iterate over all settings in it, each with the keys that lead to it."""
        yield path, self
        for key, value in self.entries.items():
            yield from value.walk((*path, key))
        for item in self.content if isinstance(self.content, list) else ():
            yield from item.walk((*path, *path[-1:]))


def described(values: Any, place: str, untrusted: str = "") -> Setting:
    """Convert plain values, such as those in a checkpoint, to a setting.

    Args:
        values: mappings, lists and single values.
        place: where the values were found.
        untrusted: see `Setting`.
    """
    content = values
    if isinstance(values, dict):
        content = {key: described(each, place, untrusted) for key, each in values.items()}
    elif isinstance(values, list | tuple):
        content = [described(each, place, untrusted) for each in values]
    return Setting(place, content, untrusted=untrusted)


def read_config(path: Path, asked: str = "", untrusted: str = "") -> Setting:
    """Read a YAML file that holds a mapping.

    Args:
        path: the file.
        asked: place that names the file, as a prefix of the error message if it is missing.
        untrusted: see `Setting`.

    Raises:
        InputError: if there is no such file, it is not a YAML mapping, or a key is repeated.
    """
    text = _text(path, asked)
    try:
        node = compose(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputError(f"{place}: invalid YAML: {_reason(error, text)}") from error
    if not isinstance(node, yaml.MappingNode):
        found = KINDS.get(type(node), "empty")
        raise InputError(f"{path}: the file is {found}; a configuration is a mapping, 'key: value'")
    reader = _Reader(lambda each: f"{path}:{each.start_mark.line + 1}", path.parent, untrusted)
    return reader.setting(node, reader.place(node))


def read_argument(value: str, place: str) -> Setting:
    """Read the value of a command-line argument, which may be a YAML list or mapping."""
    try:
        node = compose(value)
    except UnreadableYaml as error:
        raise InputError(f"{place}: {error.problem}") from error
    except yaml.YAMLError:
        node = None
    if value != "null" and not isinstance(node, yaml.CollectionNode):
        return Setting(place, value)
    setting = _Reader(lambda _: place, Path()).setting(node, place)
    # Like the parser: without values, {a} and {a:1} are text.
    is_text = setting.entries and all(each.content is None for each in setting.entries.values())
    return Setting(place, value) if is_text else setting


class _Reader:
    def __init__(
        self, place: Callable[[yaml.Node], str], folder: Path, untrusted: str = ""
    ) -> None:
        self.place, self.folder, self.loader = place, folder, Loader("")
        self.untrusted = untrusted

    def setting(self, node: Any, place: str) -> Setting:
        if isinstance(node, yaml.MappingNode):
            content: Any = self._entries(node)
        elif isinstance(node, yaml.SequenceNode):
            content = [self.setting(each, self.place(each)) for each in node.value]
        else:
            try:
                content = self.loader.construct_object(node)
            except (yaml.YAMLError, ValueError, KeyError) as error:
                text = f"{self.place(node)}: invalid YAML: {_reason(error)}"
                raise InputError(text) from error
        return Setting(place, content, self.folder, untrusted=self.untrusted)

    def _entries(self, node: yaml.MappingNode) -> dict[str, Setting]:
        own: dict[str, Setting] = {}
        merged: dict[str, Setting] = {}
        for key, value in node.value:
            place = self.place(key)
            if key.tag == f"{YAML_TYPES}merge":
                for each in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    merged = {**self.setting(each, place).entries, **merged}
            elif not isinstance(key, yaml.ScalarNode):
                raise InputError(f"{place}: a key must be a name")
            elif key.tag in NO_TEXTS and not isinstance(value, yaml.ScalarNode):
                raise InputError(f"{place}: {key.value} is not text in YAML; put it in quotes")
            elif key.value in own:
                raise InputError(
                    f"{place}: '{key.value}' occurs twice in one mapping, first at "
                    f"{own[key.value].place}; only the last would count, so remove one"
                )
            else:
                own[key.value] = self.setting(value, place)
        return {**merged, **own}


def _reason(error: Exception, text: str = "") -> str:
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    mark = getattr(error, "problem_mark", None)
    begin = getattr(error, "context_mark", None) or mark
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    character = line[mark.column : mark.column + 1] if mark else ""
    if character == "\t":
        return "a tab; indent with spaces"
    for pattern, words in REASONS:
        if begin and re.search(pattern, problem):
            return words.format(character=character, begin=begin.line + 1)
    return problem


def _text(path: Path, asked: str) -> str:
    try:
        return bounded_text(path)
    except FileNotFoundError:
        # Compared without suffixes, because a common suffix makes all names similar.
        beside = [*offered_beside(path), *sorted(path.parent.glob("*.y*ml"))]
        there = {each.stem: each.name for each in beside}
        near = re.sub("'(.*?)'", lambda stem: f"'{there[stem[1]]}'", nearest(path.stem, there))
        raise InputError(f"{asked}there is no file {path}{near}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"{asked}the file {path} cannot be read: {reason}") from error
