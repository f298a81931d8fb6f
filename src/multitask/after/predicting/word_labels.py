"""Conversion of predicted token labels to labels of words."""

from __future__ import annotations

from collections.abc import Mapping

from multitask.after.inputs.base import Cells
from multitask.after.inputs.written_text import WrittenText
from multitask.after.trained_model import TrainedModel
from multitask.tables.input_cells import shown_text
from multitask.tables.token_columns import labels_of_words
from multitask.tasks.base import Column


def with_words(
    trained: TrainedModel, columns: Mapping[str, Column], cells: Mapping[str, Cells]
) -> dict[str, Column]:
    """Assign a label to each word instead of each token, for tasks trained on labels of words.

    Args:
        trained: the model.
        columns: columns of predictions, see `multitask.tasks.predictions.task_columns`.
        cells: cells of the same samples, by input.

    Returns:
        The columns, with those of such tasks changed.
    """
    found = dict(columns)
    for way in trained.description.get("tables") or []:
        for name, target in (way.get("targets") or {}).items():
            text = target.get("tokens_of")
            written, values = trained.written.get(text), columns.get(name)
            if isinstance(written, WrittenText) and isinstance(values, list) and text in cells:
                texts = [shown_text(each) for each in written.texts(cells[text])]
                found[name] = labels_of_words(values, texts, written.tokenizer)
    return found
