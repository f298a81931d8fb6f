"""``multitask predict CHECKPOINT SAMPLES``: a table of predictions for new samples."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import torch

from multitask.after.loading import load
from multitask.after.new_samples import new_samples
from multitask.after.predicting.one_text import said_of_text
from multitask.after.predicting.outcome_words import said_of
from multitask.after.predicting.prediction import Prediction
from multitask.after.predicting.prediction_parts import folder_of_parts
from multitask.after.predicting.shared_work import SharedWork
from multitask.after.trained_model import BATCH
from multitask.cli.options import ONE, read_options
from multitask.configuration.written_arguments import whole_number
from multitask.errors import InputError
from multitask.runs.log_file import say, told_if_slow

NUMBER = range(2, sys.maxsize)
SUBJECT = "a checkpoint and images or texts (files, a folder or a table)"
OUTPUT = "predictions.csv"
OPTIONS = ("output", "embeddings", "image_column", "image_folder", "batch_size")


def predict_command(arguments: Sequence[str]) -> None:
    """Make predictions for new samples, using only the information in a checkpoint.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument, the checkpoint or all of the given samples are invalid.
    """
    is_text = any(each.startswith("--text") for each in arguments)
    given = read_options(
        "predict",
        "a checkpoint alone with --text" if is_text else SUBJECT,
        arguments,
        ONE if is_text else NUMBER,
        **dict.fromkeys((*OPTIONS, "device", "text")),
        trust=False,
    )
    if is_text:
        _answer(given)
        return
    work = SharedWork()
    with told_if_slow("the model and the list of samples are still being read"):
        prediction = _prediction(given, work)
    try:
        _run(prediction, work)
    except KeyboardInterrupt:
        if work.is_first:
            say(f"Finished parts are kept in {folder_of_parts(prediction.output)}; run the same")
            say("command again to continue")
        raise


def _answer(given: Namespace) -> None:
    for name in OPTIONS:
        if getattr(given, name) is not None:
            raise InputError(f"--text prints its answers; remove --{name}")
    trained = load(given.subject, given.trust, given.device, unadapted=False)
    for each in said_of_text(trained, given.text):
        say(each)


def _prediction(given: Namespace, work: SharedWork) -> Prediction:
    checkpoint, *subjects = given.subjects
    output = Path(given.output or OUTPUT)
    embeddings = Path(given.embeddings) if given.embeddings else None
    batch_size = whole_number("batch_size", given.batch_size or str(BATCH))
    folder = Path(given.image_folder) if given.image_folder else None
    trained = load(checkpoint, given.trust, _device(given.device, work), unadapted=False)
    but = folder_of_parts(output)
    samples = new_samples(trained, subjects, given.image_column, folder, but)
    return Prediction(trained, samples, output, batch_size, embeddings, work)


def _run(prediction: Prediction, work: SharedWork) -> None:
    work.meet()
    outcome = prediction.run()
    work.leave()
    if not work.is_first:
        return
    for each in said_of(prediction, outcome):
        say(each)


def _device(name: str | None, work: SharedWork) -> torch.device | str | None:
    if name is None and work.size > 1 and torch.cuda.is_available():
        return torch.device("cuda", work.local_rank % torch.cuda.device_count())
    return name
