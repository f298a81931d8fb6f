"""The targets' columns as a checkpoint tells them, with how they follow their images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonargparse import ArgumentParser

from multitask.after.loading import STRANGER
from multitask.after.trained_model import TrainedModel
from multitask.checkpoints.reading import explained
from multitask.configuration.classes import accepted
from multitask.configuration.objects import check_entries
from multitask.configuration.settings import described
from multitask.configuration.trust import known_imports_only
from multitask.geometry import Geometry
from multitask.tables.target_columns import TargetColumns


class _Following:
    def __init__(self, follows: Geometry) -> None:
        self.follows = follows


def made_columns(given: Mapping[str, Any], trained: TrainedModel) -> TargetColumns:
    """Make the columns of a target of what a checkpoint tells.

    Args:
        given: the arguments of `TargetColumns`, how targets follow as a recipe.
        trained: the model; it says whether any class may be named.

    Raises:
        InputError: if a class is named that may not be, or cannot be made.
    """
    settings = {key: given.get(key) for key in ("columns", "classes")}
    follows = given.get("follows")
    if follows is not None:
        follows = _geometry(follows, trained)
    return TargetColumns(**settings, follows=follows, missing=list(given.get("missing") or ()))  # type: ignore[arg-type]


def _geometry(recipe: Any, trained: TrainedModel) -> Geometry:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(_Following, "made")
    with explained(f"{trained.source}: how targets follow their images cannot be made"):
        if trained.trust:
            return parser.instantiate(
                parser.parse_object({"made": {"follows": recipe}})
            ).made.follows
        with known_imports_only():
            told = described({"follows": recipe}, str(trained.source), STRANGER)
            check_entries(told.entries, accepted(_Following), "the model", ("data",))
            made = parser.instantiate(parser.parse_object({"made": {"follows": recipe}}))
            return made.made.follows
