"""Samples for fitting a calibration, and samples for evaluating it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from multitask.after.labelled_samples import LabelledSamples, samples_of
from multitask.after.labelled_table import labelled_table
from multitask.after.older_checkpoints import data_beside
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError

Both = tuple[LabelledSamples, LabelledSamples | None]
TO_FIT, TO_SHOW = "val", "test"


def samples_to_calibrate(
    trained: TrainedModel,
    table: str | None = None,
    test_table: str | None = None,
    image_column: str | None = None,
    image_folder: str | None = None,
) -> Both:
    """Select samples to fit a calibration to, and others to evaluate it on, if any.

    Args:
        trained: the model.
        table: table of labelled images; default: the validation split of the run's own data.
        test_table: table of evaluation images; default: the test split of the run's own data, or
            none if ``table`` is given.
        image_column: image column of both tables, see
            `multitask.after.labelled_table.labelled_table`.
        image_folder: image folder of both tables.

    Raises:
        InputError: if samples cannot be read, or the run's data have no validation split.
    """
    if table is None:
        for name, value in (
            ("test_table", test_table),
            ("image_column", image_column),
            ("image_folder", image_folder),
        ):
            if value is not None:
                raise InputError(f"--{name} goes with --table=TABLE; give both or neither")
        data = data_beside(Path(trained.source), trained.trust)
        if TO_FIT not in data.splits:
            raise InputError(
                f"calibrate: the data of {trained.source} have no validation split; give labelled "
                "images that were not trained on, with --table=TABLE"
            )
        kind = type(data).__name__
        show = samples_of(trained, data, TO_SHOW) if TO_SHOW in data.splits else None
        return (
            replace(samples_of(trained, data, TO_FIT), title=f"validation split of {kind}"),
            show and replace(show, title=f"test split of {kind}"),
        )
    folder = None if image_folder is None else Path(image_folder)
    fit = labelled_table(trained, Path(table), None, image_column, folder)
    if test_table is None:
        return fit, None
    return fit, labelled_table(trained, Path(test_table), None, image_column, folder)


def share(text: str) -> float:
    """Parse the coverage level of intervals that the user gives.

    Raises:
        InputError: if it is not a number between 0 and 1.
    """
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 < found < 1:
        raise InputError(f"--level={text}: give a share between 0 and 1, as in --level=0.9")
    return found
