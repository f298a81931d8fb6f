"""The target columns in a checkpoint, and how targets follow transforms of their images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multitask.after.made_of_recipes import made_of_recipes
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError
from multitask.geometry import Geometry
from multitask.images.maps import MapCoding
from multitask.tables.boxes import BoxSource
from multitask.tables.target_columns import TargetColumns


class _Told:
    def __init__(
        self,
        follows: Geometry | None = None,
        map: MapCoding | None = None,
        boxes: BoxSource | None = None,
    ) -> None:
        self.follows, self.map, self.boxes = follows, map, boxes


def made_columns(given: Mapping[str, Any], trained: TrainedModel, folder: Path) -> TargetColumns:
    """Create the columns of a target from a checkpoint's description.

    Args:
        given: the arguments of `TargetColumns`, with how targets follow images as a recipe.
        trained: the model, which specifies whether any class may be named.
        folder: folder of the table to read, which may contain the folder of its maps.

    Raises:
        InputError: if a class is not allowed, cannot be created, or reads another file.
    """
    names = ("columns", "classes", "labels", "between", "none", "tokens_of", "box")
    settings = {key: given.get(key) for key in names}
    keys = [key for key in ("follows", "map", "boxes") if given.get(key) is not None]
    recipes = {key: given[key] for key in keys}
    source, what = str(trained.source), "how targets follow their images"
    made = made_of_recipes(_Told, recipes, source, what, trained.trust) if keys else _Told()
    if made.boxes is not None and not made.boxes.is_in_table:
        # It would be read from anywhere on the disk, and our own checkpoints never name one.
        raise InputError(
            f"{trained.source} names a separate file of boxes; only boxes in the table are read"
        )
    return TargetColumns(
        **settings,  # type: ignore[arg-type]
        follows=made.follows,
        missing=list(given.get("missing") or ()),
        map=made.map,
        boxes=made.boxes,
        map_folder=None if made.map is None else _inside(given.get("map_folder"), folder),
        map_ending=given.get("map_ending") or "",
    )


def _inside(told: str | None, folder: Path) -> Path | None:
    """A folder inside the table's folder; an untrusted checkpoint can name no other."""
    if told is None:
        return None
    found = folder / told
    try:
        is_inside = found.resolve().is_relative_to(folder.resolve())
        return found if is_inside and found.is_dir() else None
    except (OSError, ValueError):
        # A name that no file system accepts.
        return None
