"""``multitask predict CHECKPOINT IMAGES``: a table of predictions for new images."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import torch

from multitask.after.image_list import PROBLEM
from multitask.after.image_table import new_images
from multitask.after.loading import load
from multitask.after.predicting.prediction import Prediction
from multitask.after.predicting.prediction_parts import folder_of_parts
from multitask.after.predicting.shared_work import SharedWork
from multitask.after.trained_model import BATCH
from multitask.cli.options import read_options
from multitask.configuration.written_arguments import whole_number
from multitask.runs.log_file import say, told_if_slow

NUMBER = range(2, sys.maxsize)
SUBJECT = "a checkpoint and images (files, a folder or a table)"
OPTIONS = ("embeddings", "image_column", "image_folder", "device")


def predict_command(arguments: Sequence[str]) -> None:
    """Predict for new images, by what a checkpoint says alone.

    Args:
        arguments: what follows the verb.

    Raises:
        InputError: if an argument, the checkpoint or all that is named as images is not right.
    """
    given = read_options(
        "predict",
        SUBJECT,
        arguments,
        NUMBER,
        output="predictions.csv",
        batch_size=str(BATCH),
        trust=False,
        **dict.fromkeys(OPTIONS),
    )
    work = SharedWork()
    with told_if_slow("the model and the list of images are still being read"):
        prediction = _prediction(given, work)
    try:
        _run(prediction, work)
    except KeyboardInterrupt:
        if work.is_first:
            say(f"What is done is kept in {folder_of_parts(prediction.output)}; give the same")
            say("command again to continue")
        raise


def _prediction(given: Namespace, work: SharedWork) -> Prediction:
    checkpoint, *subjects = given.subjects
    output = Path(given.output)
    embeddings = Path(given.embeddings) if given.embeddings else None
    batch_size = whole_number("batch_size", given.batch_size)
    folder = Path(given.image_folder) if given.image_folder else None
    but = folder_of_parts(output)
    images = new_images(subjects, given.image_column, folder, but)
    trained = load(checkpoint, given.trust, _device(given.device, work), unadapted=False)
    return Prediction(trained, images, output, batch_size, embeddings, work)


def _run(prediction: Prediction, work: SharedWork) -> None:
    work.meet()
    outcome = prediction.run()
    work.leave()
    if not work.is_first:
        return
    images = prediction.images
    if images.left_out:
        what = "a file whose ending is" if images.left_out == 1 else "files whose endings are"
        count = "" if images.left_out == 1 else f" {images.left_out}"
        say(f"Left out{count} {what} not of an image")
    for old, new in prediction.batches.renamed:
        say(f"The table's column '{old}' is called '{new}', as the model predicts a '{old}'")
    good = outcome.images - outcome.problems
    why = ""
    if outcome.problems:
        few = f"{outcome.problems} could not" if good else "none of them could"
        why = f"; {few} be read: the column '{PROBLEM}' says why"
    say(f"Predicted for {good} of {outcome.images} images of {images.source}{why}")
    for path in outcome.files:
        say(f"Written: {path}")


def _device(name: str | None, work: SharedWork) -> torch.device | str | None:
    if name is None and work.size > 1 and torch.cuda.is_available():
        return torch.device("cuda", work.local_rank % torch.cuda.device_count())
    return name
