"""What docs/text.md says runs as it stands, and its studies are whole."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from cli.conftest import QUICK, ROOT
from tiny_hugging_face import save_model
from tiny_tokenizers import bert_tokenizer

from multitask.cli.study_command import read_study
from multitask.data import DataModule, Table
from multitask.encoders import Encoder, LowRank
from multitask.study.parsing import parsed
from multitask.study.plan import planned
from multitask.study.study_file import check_metrics
from multitask.tables.input_columns import InputColumns
from multitask.tasks import TokenLabels

PAGE = (ROOT / "docs/text.md").read_text(encoding="utf-8")
REVIEWS = Path("reviews.csv")
COUNTRIES = ["de", "fr", "us"]
TOPICS = {"battery": "it lasts a day", "screen": "dark and full of scratches", "sound": "too loud"}


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.S)


def snippet(key: str) -> Any:
    (found,) = (yaml.safe_load(each) for each in blocks("yaml") if key in each)
    return found


def write_reviews() -> None:
    rows = ["review,stars,age,country,topic"]
    for number in range(60):
        topic = list(TOPICS)[number % 3]
        text = f"review {number} of the {topic}: {TOPICS[topic]} for me"
        age = "" if number % 4 else 20 + number
        rows.append(f"{text},{number % 5 + 0.5},{age},{COUNTRIES[number % 3]},{topic}")
    REVIEWS.write_text("\n".join(rows))


@pytest.fixture(autouse=True)
def _persons_files() -> None:
    """The configurations and a table."""
    Path("configs").symlink_to(ROOT / "configs")
    write_reviews()


@pytest.mark.slow
@pytest.mark.usefixtures("quick_evaluation", "empty_pictures")
def test_the_commands_run_as_they_stand(
    multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    run, verbs = "", []
    for line in "".join(blocks("bash")).splitlines():
        if line.startswith("RUN="):
            (found,) = Path("runs/reviews").iterdir()
            run = str(found)
            continue
        program, verb, *arguments = shlex.split(line.replace("$RUN", run))
        verbs.append(f"{program} {verb}")
        if program == "pip":
            assert arguments == ["multitask[text]"]
        elif verb == "study":
            study = read_study(Path(arguments[0]))
            runs = list(planned(study))
            check_metrics(study, runs)
            assert len({each.seed for each in runs}) == 5
        else:
            multitask(verb, *arguments, *(QUICK if verb == "fit" else ()), *fewer_texts(arguments))
    assert len(verbs) == 12
    assert Path("predictions.csv").read_text().count("\n") == 61
    said = capsys.readouterr().out
    assert "Its tokenizer is in a folder beside it: best_text_tokenizer" in said
    assert Path("best_text_tokenizer/multitask_tokenizer.json").exists()


def fewer_texts(arguments: list[str]) -> list[str]:
    """An option for experiments that read the texts of packages, which takes seconds."""
    reads_packages = any(each.startswith("configs/experiment/text") for each in arguments)
    return ["--data.init_args.samples=60"] if reads_packages else []


def test_its_table_is_one(multitask: Callable[..., None]) -> None:
    config = yaml.safe_load((ROOT / "configs/experiment/text.yaml").read_text())
    told = snippet("path: reviews.csv")
    config["data"] = told["data"]
    config["data"]["init_args"]["batch_size"] = 8
    config["model"]["encoder"] = snippet("encoders.Several")["model"]["encoder"]
    topic = {"class_path": "multitask.tasks.Classification", "init_args": {"num_classes": 3}}
    config["model"]["tasks"] = {"topic": topic, "stars": {"class_path": "Regression"}}
    Path("snippets.yaml").write_text(yaml.safe_dump(config))
    multitask("fit", "--config=snippets.yaml", *QUICK, "--trainer.limit_train_batches=2")


def test_its_labels_are_those_of_words() -> None:
    targets = snippet("tokens_of")["targets"]
    Path("words.csv").write_text(
        "review,tags\n" + 9 * "the front wheel squeaks,O B-PART I-PART O\n"
    )
    data = Table(
        targets,
        path=Path("words.csv"),
        image_column=None,
        inputs={"text": InputColumns(column="review")},
    )
    data.setup()
    task = TokenLabels(targets["tags"]["labels"])
    assert "entity_f1" in task.metrics()
    # The beginning, the four words, and places behind the end.
    assert data.targets("train")["tags"][0, :6].tolist() == [-100, 0, 1, 2, 0, -100]


def test_its_model_of_hugging_face_is_one(tmp_path: Path) -> None:
    model = save_model("distilbert", tmp_path)
    bert_tokenizer(model)
    (text,) = (each for each in blocks("yaml") if "encoders.LowRank" in each)
    written = text.replace("distilbert-base-uncased", str(model)).replace("128", "8")
    config = yaml.safe_load(written.replace("rank: 8", "rank: 2"))
    config["data"] |= {"class_path": "multitask.data.Table"}
    config["data"]["init_args"] |= {
        "path": "reviews.csv",
        "image_column": None,
        "targets": {"stars": {"columns": "stars"}},
    }
    encoder, data = parsed(Encoder, config["model"]["encoder"]), parsed(DataModule, config["data"])
    assert isinstance(encoder, LowRank)
    data.setup()
    assert data.splits["train"].inputs(torch.arange(2))["text"].shape == (2, 8)


def test_its_hidden_tokens_are_those_of_the_experiment() -> None:
    written = yaml.safe_load((ROOT / "configs/experiment/text_masked.yaml").read_text())
    told = snippet("computed.MaskedTokens")
    assert told["data"]["init_args"]["computed"] == written["data"]["init_args"]["computed"]
    assert told["model"]["tasks"] == written["model"]["tasks"]


def test_its_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    exec(compile(code, "docs/text.md", "exec"), {})
    assert "[False, False, True]" in capsys.readouterr().out


def test_it_tells_of_every_encoder_and_tokenizer() -> None:
    named = set(re.findall(r"^\| `(\w+)`", PAGE, re.M))
    assert {"HashedWords", "Bytes", "BagOfTokens", "TextConvNet", "TextTransformer"} <= named
    assert {"HuggingFace", "Columns", "Several"} <= named
