"""Models of texts and numbers on labelled tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from after.trained_table import write_images
from after.trained_texts import trained_reviews, written_reviews

import multitask
from multitask.after.evaluating.evaluation import evaluate
from multitask.after.evaluating.evaluation_files import write_evaluation
from multitask.after.evaluating.evaluation_report import remarks
from multitask.after.evaluating.evaluation_tables import predictions_table
from multitask.after.evaluating.worst_samples import worst_gallery
from multitask.after.labelled_table import labelled_table
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError


def loaded(path: Path) -> TrainedModel:
    return multitask.load(path, device="cpu")


@pytest.fixture(scope="module")
def of_texts(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    return loaded(trained_reviews(tmp_path_factory.mktemp("texts")))


@pytest.fixture(scope="module")
def of_all(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    folder = tmp_path_factory.mktemp("all")
    return loaded(trained_reviews(folder, ["image", "review", "person"]))


def test_a_table_of_texts_is_evaluated(of_texts: TrainedModel, tmp_path: Path) -> None:
    path = written_reviews(tmp_path / "new.csv", 12, first=20)
    with path.open("a") as file:
        file.write(",1,f,film,3,x.png\n")
    results = of_texts.evaluate(path, 50)
    samples = results.samples
    # Of the text that is missing nothing is said.
    assert len(samples) == 12
    assert samples.skipped[["kind", "row"]].to_numpy().tolist() == [["missing_input", 14]]
    table = pd.read_csv(path).head(12)
    predicted = of_texts.predict(table["review"].tolist())
    errors = (predicted["mood"] - table["mood"]).abs()
    assert results.estimate("mood", "mae").value == pytest.approx(errors.mean(), rel=1e-4)
    found = predictions_table(results)
    assert list(found)[:3] == ["row", "review", "trained_on"]
    assert found["row"].tolist() == list(range(2, 14))
    assert found["review"].tolist() == table["review"].tolist()
    # Those that were trained on, as tokens: some of the first four, by the split of the data.
    assert not found["trained_on"][4:].any()
    assert found["trained_on"].any()
    assert "of the 12 texts" in remarks(results)[-1]
    gallery = worst_gallery(results, "mood", 1)
    assert gallery is not None
    worst = int(np.nanargmax(results.tasks["mood"].losses))
    assert gallery.cards[0].title == f"row {worst + 2}"
    assert f"review: {table['review'][worst]}" in gallery.cards[0].lines
    page = write_evaluation(results, tmp_path).read_text()
    assert table["review"][worst] in page


def test_groups_are_those_of_a_column(of_texts: TrainedModel, tmp_path: Path) -> None:
    path = written_reviews(tmp_path / "new.csv", 12)
    results = of_texts.evaluate(path, 50, group="sex")
    assert results.tasks["mood"].units == 2


def test_rows_without_an_input_are_evaluated_by_a_model_that_takes_that(
    of_all: TrainedModel, tmp_path: Path
) -> None:
    write_images(tmp_path, 12)
    path = written_reviews(tmp_path / "new.csv", 12)
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace("0.png", "")
    lines[2] = ",1,m" + lines[2].partition(",1,m")[2]
    path.write_text("\n".join(lines))
    samples = labelled_table(of_all, path)
    batch = samples.batch(torch.arange(12))
    assert batch["image"].isnan().flatten(1).all(1).tolist() == [True] + [False] * 11
    results = evaluate(of_all, samples, 50)
    assert np.isfinite(results.tasks["mood"].losses).all()
    table = pd.read_csv(path)
    without = tmp_path / "texts.csv"
    table[["review", "mood"]].to_csv(without, index=False)
    alone = labelled_table(of_all, without)
    assert alone.remarks[0] == f"{without} has no image and person, so the model predicts without"
    assert "nothing to predict from: 1 row." in alone.remarks[-1]
    expected = of_all.predict([{"review": each} for each in table["review"].drop(1)])["mood"]
    found = predictions_table(evaluate(of_all, alone, 50))["mood"]
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def test_a_table_without_the_text_is_refused(of_texts: TrainedModel, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("text,mood\na,1\n")
    with pytest.raises(InputError, match="no column 'review', which the model's input 'review'"):
        of_texts.evaluate(path)
