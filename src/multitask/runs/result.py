"""The checkpoint that is the result of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multitask.callbacks import BestCheckpoint, LastCheckpoint
from multitask.data import DataModule

NO_VALIDATION = "Not tested, because no validation took place to choose the best checkpoint."
NO_CHECKPOINT = "Not tested, because no checkpoint was saved."
NO_TEST_SET = "Not tested, because the data's settings exclude the test set."
LAST_ONE = "There is no validation set, so the last checkpoint is the result"


def result_of(callbacks: Sequence[Any], data: DataModule) -> tuple[str | None, list[str]]:
    """Find the checkpoint to test: the best one, or the last one if nothing is validated.

    Args:
        callbacks: the Trainer's callbacks after training.
        data: the training data.

    Returns:
        Its path, or None if nothing can be tested; and lines that give the reason.
    """
    validated = "val" in data.splits
    kind = BestCheckpoint if validated else LastCheckpoint
    ours = [each.best_model_path for each in callbacks if isinstance(each, kind)]
    found = next(filter(None, ours), None)
    said = [] if validated or found is None else [f"{LAST_ONE}: {found}"]
    if "test" not in data.splits:
        return None, [*said, NO_TEST_SET]
    if found is None:
        return None, [NO_VALIDATION if ours else NO_CHECKPOINT]
    return found, said
