"""``multitask predict CHECKPOINT`` for texts, numbers and categories, alone or beside images."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pandas as pd
import pytest
from after.trained_table import write_images
from after.trained_texts import trained_reviews, written_reviews

import multitask
from multitask.after.new_samples import new_samples
from multitask.after.predicting.prediction import Prediction
from multitask.cli.main import main

TOPIC = ["topic", "topic.probability", "topic.probability.film", "topic.probability.book"]
PREDICTED = [*TOPIC, "topic.entropy", "mood", "problem"]


@pytest.fixture(scope="module")
def of_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_reviews(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module")
def of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes an image, a text and numbers, any of which may be missing."""
    return trained_reviews(tmp_path_factory.mktemp("all"), ["image", "review", "person"])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def predict(checkpoint: Path, *arguments: str) -> None:
    main(["predict", str(checkpoint), *arguments])


def cells(path: str = "predictions.csv") -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def refused(capsys: pytest.CaptureFixture[str], checkpoint: Path, *arguments: str) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        predict(checkpoint, *arguments)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_a_table_of_texts_gets_predictions_beside_its_columns(
    of_texts: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = written_reviews(here / "new.csv", 5, first=3)
    with table.open("a") as file:
        file.write(f',1,f,film,3,x.png\n"{"very " * 20}long",,,,,\n')
    predict(of_texts, "new.csv", "--embeddings=shared.csv", "--batch_size=2")
    rows = cells()
    given = ["review", "age", "sex", "given.topic", "given.mood", "file_name"]
    assert list(rows[0]) == [*given, *PREDICTED]
    assert [row["problem"] for row in rows] == ["", "", "", "", "", "its text is empty", ""]
    expected = multitask.load(of_texts).predict([row["review"] for row in rows[:5]])
    assert [row["topic"] for row in rows[:5]] == expected["topic"].tolist()
    assert [float(row["mood"]) for row in rows[:5]] == pytest.approx(expected["mood"].tolist())
    shared = cells("shared.csv")
    assert [row["row"] for row in shared] == [str(number) for number in range(2, 9)]
    assert shared[5]["embedding.0"] == ""
    said = capsys.readouterr().out
    assert "Predicted for 6 of 7 rows of new.csv; 1 could not be used: the column" in said
    assert "Of long texts, the model has read only the beginning: 8 tokens (review)" in said


def test_lines_of_a_file_and_a_text_are_answered(
    of_texts: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("texts.txt").write_text("a good film\n\na bad book\n")
    predict(of_texts, "texts.txt", "--output=o.jsonl")
    table = pd.read_json("o.jsonl", lines=True)
    assert table["review"].tolist() == ["a good film", "", "a bad book"]
    assert table["problem"].fillna("").tolist() == ["", "its text is empty", ""]
    capsys.readouterr()
    predict(of_texts, "--text=a good film")
    said = dict(line.split(": ") for line in capsys.readouterr().out.strip().splitlines())
    assert said["topic"] == table["topic"][0]
    assert float(said["mood"]) == pytest.approx(table["mood"][0], rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["other.csv"], "other.csv has no column 'review', which the model's input 'review' is"),
        (["empty.txt"], "empty.txt has no lines"),
        (
            ["photos"],
            "accepts review; give one table (CSV, Parquet or JSON Lines) with the column re",
        ),
        (["other.csv", "--image_column=x"], "--image_column is for images"),
        (["--text=a", "--output=x.csv"], "--text prints its answers; remove --output"),
        (["--text=a", "other.csv"], "predict expects a checkpoint alone with --text"),
        (["--text= "], "its text is empty"),
    ],
)
def test_what_a_model_of_texts_cannot_take_is_refused(
    of_texts: Path,
    here: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    Path("other.csv").write_text("revew,x\na,1\n")
    Path("empty.txt").write_text("")
    write_images(Path("photos"), 1)
    assert words in refused(capsys, of_texts, *arguments)


def test_a_row_may_lack_an_input_of_a_model_that_takes_that(
    of_all: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(here, 2)
    Path("new.csv").write_text(
        "id,review,age,sex,file_name\n"
        "1,a good film,3,f,0.png\n"
        "2,,,,1.png\n"
        "3,a good film,,,\n"
        "4,,,,\n"
        "5,a,1,x,0.png\n"
        "6,a,1,f,9.png\n"
    )
    predict(of_all, "new.csv")
    rows = cells()
    assert [row["problem"] for row in rows] == [
        "",
        "",
        "",
        "it has none of image, review and person",
        "column 'sex': 'x' is not one of its categories",
        rows[5]["problem"],
    ]
    assert "there is no file" in rows[5]["problem"] or "not" in rows[5]["problem"]
    trained = multitask.load(of_all)
    samples = [
        {"image": "0.png", "review": "a good film", "person": {"age": 3, "sex": "f"}},
        {"image": "1.png"},
        {"review": "a good film"},
    ]
    expected = trained.predict(samples)["mood"].tolist()
    assert [float(row["mood"]) for row in rows[:3]] == pytest.approx(expected)
    capsys.readouterr()
    Path("texts.csv").write_text("review\na good film\n")
    predict(of_all, "texts.csv", "--output=o.csv")
    assert float(cells("o.csv")[0]["mood"]) == pytest.approx(expected[2])
    predict(of_all, "1.png", "--output=p.csv")
    assert float(cells("p.csv")[0]["mood"]) == pytest.approx(expected[1])
    predict(of_all, "--text=a good film")
    said = capsys.readouterr().out
    assert "--text has no image or person, so the model predicts without them" in said
    assert "texts.csv has no image or person, so the model predicts without them" in said
    Path("half.csv").write_text("review,age\na,1\n")
    assert "no column 'sex', which the model's input 'person' is made of" in refused(
        capsys, of_all, "half.csv", "--output=q.csv"
    )


def test_rows_of_empty_cells_are_told(
    of_texts: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("new.csv").write_text('review\na good film\n""\na bad book\n\n')
    predict(of_texts, "new.csv")
    assert "new.csv: row 3 has only empty cells, and no prediction" in capsys.readouterr().out
    assert [row["review"] for row in cells()] == ["a good film", "a bad book"]


def test_what_a_killed_program_left_is_taken_up(of_texts: Path, here: Path) -> None:
    trained = multitask.load(of_texts)
    written_reviews(here / "new.csv", 20)
    whole = Prediction(trained, new_samples(trained, ["new.csv"]), Path("whole.csv"), 4, rows=8)
    whole.run()
    left = Prediction(trained, new_samples(trained, ["new.csv"]), Path("left.csv"), 4, rows=8)
    left._begin()
    left._predict([1])
    left.parts._lock.close()  # type: ignore[union-attr]
    made = shutil.copy(left.parts.path(1), "kept.parquet")
    again = Prediction(trained, new_samples(trained, ["new.csv"]), Path("left.csv"), 4, rows=8)
    again._begin()
    assert again.parts.missing(0, 1) == [0, 2]
    assert Path(made).read_bytes() == again.parts.path(1).read_bytes()
    again.parts._lock.close()  # type: ignore[union-attr]
    again.run()
    assert Path("left.csv").read_text() == Path("whole.csv").read_text()
