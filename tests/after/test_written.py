"""What else can be done with a model of texts or numbers once it is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from after.trained_texts import review_data, trained_reviews, written_reviews
from after.written_models import reader, text_told

import multitask
from multitask.after.adapting.new_task import NewTask
from multitask.after.adapting.sets import sets_of
from multitask.after.calibrating.calibration import calibrate
from multitask.after.labelled_table import labelled_table
from multitask.after.robustness.measurement import measure
from multitask.after.robustness.plan import OF_PLAN, read_plan
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError
from multitask.tasks import Classification
from multitask.tokenizers import HashedWords


@pytest.fixture(scope="module")
def of_texts(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    checkpoint = trained_reviews(tmp_path_factory.mktemp("texts"))
    return multitask.load(checkpoint, device="cpu")


def test_what_is_about_images_says_so(of_texts: TrainedModel, tmp_path: Path) -> None:
    samples = labelled_table(of_texts, written_reviews(tmp_path / "new.csv"))
    with pytest.raises(InputError, match="changes images, but this model accepts review"):
        measure(of_texts, samples, read_plan(**OF_PLAN))
    with pytest.raises(InputError, match="accepts review; this works for models of images alone"):
        _ = of_texts.format


def test_new_tasks_are_learnt_from_texts(of_texts: TrainedModel, tmp_path: Path) -> None:
    data = review_data(written_reviews(tmp_path / "new.csv", 60, first=24), ["review"])
    data.setup()
    new = NewTask("topic", Classification(2), data, 0, {})
    sets = sets_of(of_texts, new, None)
    (texts,) = sets.query.inputs
    # Of full length, whatever batches they were read in.
    assert texts.shape[1] == 8
    assert len(texts) == len(sets.query.target)
    with pytest.raises(InputError, match="make the input 'review' differently from those of made"):
        sets_of(reader(told={"review": text_told(HashedWords(9, 50))}), new, None)


def test_a_calibration_is_fitted_to_a_table(of_texts: TrainedModel, tmp_path: Path) -> None:
    samples = labelled_table(of_texts, written_reviews(tmp_path / "new.csv", 60))
    found = calibrate(of_texts, samples, None, 0.9, ["mood"])
    assert list(found.tasks) == ["mood"]
