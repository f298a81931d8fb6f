"""The inputs that a checkpoint tells how to make, whoever has written it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from multitask.after.inputs.base import WrittenInput
from multitask.after.inputs.written_columns import WrittenColumns
from multitask.after.inputs.written_text import WrittenText
from multitask.checkpoints.reading import explained
from multitask.configuration.classes import accepted
from multitask.configuration.objects import check_entries
from multitask.configuration.settings import described
from multitask.configuration.trust import known_imports_only
from multitask.errors import InputError
from multitask.tokenizers import Tokenizer

STRANGER = "whoever made the checkpoint: give --trust, or trust=True in Python"


class _Told:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer


def told_inputs(inputs: Mapping[str, Any], source: str, trust: bool) -> dict[str, WrittenInput]:
    """Make what makes the inputs of a model that are not images.

    Args:
        inputs: see `multitask.training.description.described_inputs`; anybody's, but plain.
        source: the file, for messages.
        trust: whether any class may be named.

    Returns:
        By input; without images, and without those that the description does not tell.

    Raises:
        InputError: if the description is damaged, or names a class that may not be.
    """
    found: dict[str, WrittenInput] = {}
    for name, told in inputs.items():
        kind = told.get("kind") if isinstance(told, dict) else None
        if kind is None:
            continue
        place = f"{source}: its description of the input '{name}' is damaged"
        columns, blanks = told.get("columns"), told.get("missing") or []
        if not _are_names(columns) or not columns or len(set(columns)) < len(columns):
            raise InputError(f"{place}: it has no names of columns")
        if not _are_names(blanks):
            raise InputError(f"{place}: what means missing is not texts")
        if kind == WrittenText.kind:
            found[name] = WrittenText(name, columns, told_tokenizer(told, source, trust), blanks)
        elif kind == WrittenColumns.kind:
            categories = _categories(told.get("categories"), columns, place)
            found[name] = WrittenColumns(name, columns, categories, blanks)
        else:
            raise InputError(
                f"{source}: its input '{name}' is of the kind {kind!r:.40}, which this version "
                "does not know; update the package"
            )
    return found


def told_tokenizer(told: Mapping[str, Any], source: str, trust: bool) -> Tokenizer:
    """Make the tokenizer of a text.

    Args:
        told: the text's part of a description: ``tokenizer``, a recipe, and ``files``.
        source: see `told_inputs`.
        trust: see `told_inputs`.

    Raises:
        InputError: if it cannot be made, or a class is named that may not be.
    """
    from jsonargparse import ArgumentParser

    # What makes objects from recipes changes them.
    recipe = copy.deepcopy(told.get("tokenizer"))
    files = told.get("files") or {}
    if not isinstance(recipe, dict) or not isinstance(files, dict):
        raise InputError(f"{source}: its description is damaged: it has no tokenizer")
    if files:
        arguments = recipe.setdefault("init_args", {})
        if isinstance(arguments, dict):
            arguments["files"] = dict(files)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(_Told, "made")
    with explained(f"{source}: its tokenizer cannot be made"):
        if trust:
            made = parser.instantiate(parser.parse_object({"made": {"tokenizer": recipe}}))
            return made.made.tokenizer
        with known_imports_only():
            checked = described({"tokenizer": recipe}, source, STRANGER)
            check_entries(checked.entries, accepted(_Told), "the model", ("data",))
            made = parser.instantiate(parser.parse_object({"made": {"tokenizer": recipe}}))
            return made.made.tokenizer


def _are_names(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(each, str) for each in values)


def _categories(told: Any, columns: list[str], place: str) -> dict[str, list[Any]]:
    categories = told or {}
    if not isinstance(categories, dict) or not set(categories) <= set(columns):
        raise InputError(f"{place}: its categories are not by column")
    for each in categories.values():
        is_list = isinstance(each, list) and len(each) > 0
        if not is_list or not all(isinstance(one, str | int | float) for one in each):
            raise InputError(f"{place}: its categories are not texts or numbers")
    return categories
