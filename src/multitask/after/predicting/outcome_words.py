"""Messages about a table of predictions."""

from __future__ import annotations

from multitask.after.image_list import PROBLEM
from multitask.after.predicting.prediction import Outcome, Prediction


def said_of(prediction: Prediction, outcome: Outcome) -> list[str]:
    """Describe what was written, and for which samples.

    Args:
        prediction: the completed prediction.
        outcome: its outcome.

    Returns:
        A sentence or line each.
    """
    samples = prediction.images
    said = []
    if samples.left_out:
        what = "a file whose ending is" if samples.left_out == 1 else "files whose endings are"
        count = "" if samples.left_out == 1 else f" {samples.left_out}"
        said.append(f"Skipped{count} {what} not of an image")
    for old, new in prediction.batches.renamed:
        said.append(
            f"The table's column '{old}' is called '{new}', because the model predicts a '{old}'"
        )
    said += [*samples.remarks, *prediction.batches.remarks]
    good = outcome.images - outcome.problems
    why = ""
    if outcome.problems:
        verb = "read" if samples.noun == "images" else "used"
        few = f"{outcome.problems} could not" if good else "none of them could"
        why = f"; {few} be {verb}: the column '{PROBLEM}' has the reason"
    said.append(f"Predicted for {good} of {outcome.images} {samples.noun} of {samples.source}{why}")
    return [*said, *(f"Written: {path}" for path in outcome.files)]
