"""Objects created from the recipes in a checkpoint, which may be untrusted."""

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
    """Create an object from the arguments in a checkpoint.

    Args:
        holder: a class whose argument types determine the classes that may be named.
        recipes: its arguments, see `multitask.checkpoints.recipe.recipe`.
        source: the file, for messages.
        what: what cannot be created if there is an error, such as ``its transforms``.
        trust: whether any class may be named; if not, only those of well-known packages.

    Returns:
        An object of the class.

    Raises:
        InputError: if it cannot be created, or names a class that is not allowed.
    """
    from jsonargparse import ArgumentParser

    # Making objects from recipes modifies them.
    given = copy.deepcopy(dict(recipes))
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(holder, "made")
    imports = nullcontext() if trust else known_imports_only()
    with explained(f"{source}: {what} cannot be made"), imports:
        if not trust:
            told = described(given, source, STRANGER)
            check_entries(told.entries, accepted(holder), "the model", ("data",))
        return parser.instantiate(parser.parse_object({"made": given})).made
