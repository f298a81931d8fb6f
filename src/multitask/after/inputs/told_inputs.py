"""The inputs of a model, created from the description in its checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from multitask.after.inputs.base import WrittenInput
from multitask.after.inputs.written_columns import WrittenColumns
from multitask.after.inputs.written_text import WrittenText
from multitask.after.made_of_recipes import made_of_recipes
from multitask.errors import InputError
from multitask.tables.input_columns import InputColumns, input_columns
from multitask.tokenizers import Tokenizer
from multitask.training.description import COLUMNS, TEXT


class _Told:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer


def told_inputs(inputs: Mapping[str, Any], source: str, trust: bool) -> dict[str, WrittenInput]:
    """Create the converters of a model's inputs other than images.

    Args:
        inputs: see `multitask.training.description.described_inputs`; untrusted, but plain values.
        source: the file, for messages.
        trust: whether any class may be named.

    Returns:
        Converters by input, without images and without inputs that the description lacks.

    Raises:
        InputError: if the description is damaged, or names a class that is not allowed.
    """
    found: dict[str, WrittenInput] = {}
    for name, told in inputs.items():
        kind = told.get("kind") if isinstance(told, dict) else None
        if kind is None:
            continue
        tokenizer = told_tokenizer(told, source, trust) if kind == TEXT else None
        try:
            if tokenizer is not None:
                found[name] = WrittenText(name, _text(name, told, tokenizer))
            elif kind == COLUMNS:
                found[name] = WrittenColumns(name, _columns(name, told))
            else:
                raise InputError(f"its kind is {kind!r:.40}, which this version does not support")
        except (TypeError, AttributeError, InputError) as error:
            raise InputError(
                f"{source}: its description of the input '{name}' is damaged ({error})"
            ) from error
    return found


def _text(name: str, told: Mapping[str, Any], tokenizer: Tokenizer) -> InputColumns:
    columns = told["columns"] if _are_names(told.get("columns")) else []
    column = columns[0] if len(columns) == 1 else columns
    return input_columns(name, InputColumns(column, None, tokenizer, missing=_missing(told)), ())


def _columns(name: str, told: Mapping[str, Any]) -> InputColumns:
    columns = told["columns"] if _are_names(told.get("columns")) else []
    categories = told.get("categories") or {}
    for each in categories.values():
        if not isinstance(each, list) or not all(isinstance(one, str | int) for one in each):
            raise InputError("its categories are not texts or whole numbers")
    given = InputColumns(None, columns, categories=categories, missing=_missing(told))
    return input_columns(name, given, ())


def _missing(told: Mapping[str, Any]) -> list[str | int | float]:
    found = told.get("missing") or []
    if not _are_names(found):
        raise InputError("its words for missing cells are not texts")
    return found


def _are_names(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(each, str) for each in values)


def told_tokenizer(told: Mapping[str, Any], source: str, trust: bool) -> Tokenizer:
    """Create the tokenizer of a text.

    Args:
        told: the text's part of a description: ``tokenizer``, a recipe, and ``files``.
        source: see `told_inputs`.
        trust: see `told_inputs`.

    Raises:
        InputError: if it cannot be created, or names a class that is not allowed.
    """
    # Arguments are added to it below.
    recipe = copy.deepcopy(told.get("tokenizer"))
    files = told.get("files") or {}
    if not isinstance(recipe, dict) or not isinstance(files, dict):
        raise InputError(f"{source}: its description is damaged: it has no tokenizer")
    if files:
        arguments = recipe.setdefault("init_args", {})
        if isinstance(arguments, dict):
            arguments["files"] = dict(files)
    recipes = {"tokenizer": recipe}
    return made_of_recipes(_Told, recipes, source, "its tokenizer", trust).tokenizer
