"""Objects made from the recipes in a checkpoint, which may be a stranger's."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from multitask.checkpoints.reading import explained
from multitask.configuration.classes import accepted
from multitask.configuration.setting_check import check_entries
from multitask.configuration.settings import described
from multitask.configuration.trust import known_imports_only

STRANGER = "whoever made the checkpoint: give --trust, or trust=True in Python"


def made_of_recipes(
    holder: type, recipes: Mapping[str, Any], source: str, what: str, trust: bool
) -> Any:
    """Make an object whose arguments a checkpoint tells.

    Args:
        holder: a class whose arguments say by their types which classes may be named.
        recipes: its arguments, see `multitask.checkpoints.recipe.recipe`.
        source: the file, for messages.
        what: what cannot be made if something is wrong, such as ``its transforms``.
        trust: whether any class may be named; if not, those of well-known packages.

    Returns:
        An object of the class.

    Raises:
        InputError: if it cannot be made, or a class is named that may not be.
    """
    from jsonargparse import ArgumentParser

    # What makes objects from recipes changes them.
    given = copy.deepcopy(dict(recipes))
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(holder, "made")
    imports = nullcontext() if trust else known_imports_only()
    with explained(f"{source}: {what} cannot be made"), imports:
        if not trust:
            told = described(given, source, STRANGER)
            check_entries(told.entries, accepted(holder), "the model", ("data",))
        return parser.instantiate(parser.parse_object({"made": given})).made
