"""Predictions for one text, for the screen."""

from __future__ import annotations

from typing import Any

import numpy as np

from multitask.after.inputs.made_inputs import made_inputs
from multitask.after.new_samples import one_text
from multitask.after.predicting.prediction_columns import frame_of
from multitask.after.trained_model import IMAGE, TrainedModel
from multitask.errors import InputError


def said_of_text(trained: TrainedModel, text: str) -> list[str]:
    """Predict for one text.

    Args:
        trained: the model, whose other inputs are missing.
        text: text for its only text input.

    Returns:
        Remarks on missing inputs, and a line for each column of a table of predictions.

    Raises:
        InputError: if the text is empty, or the model requires other inputs.
    """
    pixels = [None] if IMAGE in trained.model.inputs else []
    cells, remarks = one_text(trained, text)
    made, problems, _ = made_inputs(trained, cells, pixels)
    if problems:
        raise InputError(f"--text={text:.40}: {problems[0]}")
    frame = frame_of(trained.model.named_tasks, trained(made))
    return [*remarks, *(f"{name}: {_shown(frame[name].iloc[0])}" for name in frame.columns)]


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {' x '.join(map(str, value.shape))} numbers"
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
