"""The columns of a table that a model's inputs are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from multitask.errors import InputError, nearest
from multitask.pages.words import listed

if TYPE_CHECKING:
    from multitask.after.trained_model import TrainedModel

IMAGE = "image"
FILE_COLUMNS = ("file_name", "file", "image", "filename", "path", "image_path")


def columns_of_inputs(
    trained: TrainedModel, columns: Sequence[str], table: str, image_column: str | None = None
) -> dict[str, list[str]]:
    """Which columns each input is made of.

    Args:
        trained: the model.
        columns: those of the table.
        table: its name, for messages.
        image_column: the column of images; default: as in training.

    Returns:
        By input, without those that a table lacks, of a model that takes that.

    Raises:
        InputError: if a column is not there.
    """
    wanted = {
        name: [image_column or image_column_of(trained, columns)]
        if name == IMAGE
        else trained.written[name].columns
        for name in trained.model.inputs
    }
    found = {name: each for name, each in wanted.items() if set(each) <= set(columns)}
    lacking = [name for name in wanted if name not in found]
    for name in lacking:
        absent = [each for each in wanted[name] if each not in columns]
        if not trained.takes_missing or len(absent) < len(wanted[name]) or not found:
            hint = nearest(absent[0], columns)
            if name == IMAGE:
                raise InputError(
                    f"{table} has no column '{absent[0]}' for the names of the images; name it "
                    f"with --image_column=...{hint}"
                )
            raise InputError(
                f"{table} has no column '{absent[0]}', which the model's input '{name}' is made "
                f"of{hint or '; rename the one that it is'}"
            )
    return found


def said_of_lacking(trained: TrainedModel, found: Iterable[str], source: str) -> list[str]:
    """Say which inputs are not there.

    Args:
        trained: the model.
        found: the inputs that are.
        source: of them, such as a table.
    """
    lacking = [name for name in trained.model.inputs if name not in set(found)]
    if not lacking:
        return []
    return [f"{source} has no {listed(lacking)}, so the model predicts without"]


def image_column_of(trained: TrainedModel, columns: Sequence[str]) -> str:
    """The column of file names: that of the training, or one that is usually called so.

    Args:
        trained: the model.
        columns: those of the table.
    """
    told = (trained.description.get("tables") or [{}])[0].get("image_column")
    if told is not None:
        return str(told)
    return next((each for each in FILE_COLUMNS if each in columns), FILE_COLUMNS[0])
