"""The table columns that contain a model's inputs."""

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
    """Find the columns of each input.

    Args:
        trained: the model.
        columns: columns of the table.
        table: name of the table, for messages.
        image_column: column of images; default: as in training.

    Returns:
        Columns by input, without those that the table lacks and the model does not require.

    Raises:
        InputError: if a required column is missing.
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
                f"of{hint or '; rename the column that has it'}"
            )
    return found


def said_of_lacking(trained: TrainedModel, found: Iterable[str], source: str) -> list[str]:
    """Report the missing inputs.

    Args:
        trained: the model.
        found: the inputs that are present.
        source: origin of the inputs, such as a table.
    """
    there = set(found)
    return without(source, [name for name in trained.model.inputs if name not in there])


def without(source: str, lacking: Sequence[str]) -> list[str]:
    """Report the missing inputs.

    Args:
        source: origin of the inputs, such as a table.
        lacking: names of the missing inputs.
    """
    if not lacking:
        return []
    which = "it" if len(lacking) == 1 else "them"
    return [f"{source} has no {listed(lacking, word='or')}, so the model predicts without {which}"]


def image_column_of(trained: TrainedModel, columns: Sequence[str]) -> str:
    """The column of file names: that of the training, or one with a usual name.

    Args:
        trained: the model.
        columns: columns of the table.
    """
    told = (trained.description.get("tables") or [{}])[0].get("image_column")
    if told is not None:
        return str(told)
    return next((each for each in FILE_COLUMNS if each in columns), FILE_COLUMNS[0])
