"""Labels of words in a table, from the file to predictions."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer

from multitask import MultiTask
from multitask.callbacks import Figures, PredictionTable
from multitask.data import Table
from multitask.encoders import BagOfTokens
from multitask.errors import InputError
from multitask.tables.cleaning import Cleaning
from multitask.tables.target_columns import TargetColumns
from multitask.tasks import Classification, MaskedTokens, Task, TokenLabels
from multitask.tokenizers import HashedWords

LABELS = ["O", "B-name", "I-name"]
NAMES = ["Ada", "Grace", "Alan", "Emmy"]
WORDS = ["we", "saw", "that", "(then)", "in", "the", "garden,", "once"]


def sentences(count: int = 48) -> list[tuple[str, str, str]]:
    """Texts, labels of their words, and whether a name is in them."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for number in range(count):
        words = [WORDS[each] for each in torch.randperm(8, generator=generator)[: 2 + number % 6]]
        tags = ["O"] * len(words)
        if number % 3:
            place = number % len(words)
            words[place:place] = [NAMES[number % 4], "Li"][: 1 + number % 2]
            tags[place:place] = ["B-name", "I-name"][: 1 + number % 2]
        known = "" if number % 8 == 1 else " ".join(tags)
        found.append((" ".join(words), known, "yes" if number % 3 else "no"))
    return found


def table(folder: Path, rows: list[tuple[str, str, str]], **settings: Any) -> Table:
    with (folder / "sentences.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "tags", "named"), *rows])
    targets: dict[str, Any] = {
        "tags": {"columns": "tags", "labels": LABELS, "tokens_of": "text"},
        "named": {"columns": "named", "classes": ["no", "yes"]},
    }
    inputs: Any = {"text": {"column": "text", "tokenizer": HashedWords(16, 512)}}
    data = Table(
        targets,
        path=folder / "sentences.csv",
        inputs=inputs,
        image_column=None,
        batch_size=8,
        seed=0,
        **settings,
    )
    data.setup()
    return data


@pytest.mark.filterwarnings("ignore::multitask.data.look.DataRemark")
def test_labels_stand_where_their_words_do(tmp_path: Path) -> None:
    rows = sentences()
    data = table(tmp_path, rows)
    assert data.class_names() == {"tags": LABELS, "named": ["no", "yes"]}
    assert "tags" not in data.element_names()
    for split, samples in data.splits.items():
        batch = samples[torch.arange(len(samples))]
        assert batch["tags"].shape == (len(samples), 16)
        for name, text, target in zip(data.names(split), batch["text"], batch["tags"], strict=True):
            written, tags, _ = rows[int(name.removeprefix("row ")) - 2]
            known = target >= 0
            assert [LABELS[each] for each in target[known].tolist()] == tags.split()
            words = HashedWords(16, 512)([word.strip("(),") for word in written.split()]).tokens
            if tags:
                assert torch.equal(text[known], words[:, 1])


@pytest.mark.filterwarnings("ignore::multitask.data.look.DataRemark")
def test_another_table_is_read_as_the_first(tmp_path: Path) -> None:
    told = table(tmp_path, sentences()).tables()[0]["targets"]["tags"]
    again = TargetColumns(**told)
    assert (again.tokens_of, again.label_names, again.classes) == ("text", LABELS, None)


@pytest.mark.filterwarnings(
    "ignore::multitask.data.look.DataRemark", "ignore:.*skipped, as configured"
)
def test_a_cell_with_another_number_of_labels_is_told(tmp_path: Path) -> None:
    rows = sentences()
    rows[4] = (rows[4][0], "O O O O O O O O O O", "no")
    with pytest.raises(InputError, match=r"row 6: column 'tags': it has 10 labels, but the text"):
        table(tmp_path, rows)
    data = table(tmp_path, rows, cleaning=Cleaning(unreadable_target="skip"))
    assert data.skipped["row"].tolist() == [6]


@pytest.mark.filterwarnings("ignore")
def test_from_the_table_to_predictions(tmp_path: Path) -> None:
    data = table(tmp_path, sentences())
    torch.manual_seed(0)
    model = MultiTask(
        BagOfTokens(512, 16),
        {"tags": TokenLabels(LABELS), "named": Classification(2, ["no", "yes"])},
        optimizer=lambda parameters: torch.optim.Adam(parameters, 0.05),
    )
    callbacks = [Figures(tmp_path / "figures"), PredictionTable(tmp_path / "predictions.csv")]
    trainer = Trainer(
        max_epochs=8,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        accelerator="cpu",
    )
    trainer.fit(model, data)
    found = trainer.test(model, data, verbose=False)[0]
    # The word tells its label; names of two words need what is beside them.
    assert found["test/tags/accuracy"] > 0.9 > found["trivial/tags/accuracy"] > 0.5
    assert found["test/tags/entity_f1"] > 0.8
    for name in ("val/samples", "val/tags", "test/tags"):
        assert (tmp_path / "figures" / f"{name}.png").exists()
    page = (tmp_path / "figures/test/predictions.html").read_text()
    assert "B-name" in page
    trainer.predict(model, data, return_predictions=False)
    rows = list(csv.DictReader((tmp_path / "predictions.csv").open()))
    for row, text in zip(rows, data.texts("test")["text"], strict=True):
        labels = dict(zip(text.split(), json.loads(row["tags"]), strict=True))
        assert {labels[each] for each in NAMES if each in labels} <= {"B-name"}
        assert float(row["tags.entropy"]) >= 0


@pytest.mark.filterwarnings("ignore")
def test_pairs_of_texts_have_a_class(tmp_path: Path) -> None:
    rows = [
        (f"is {word} here", word if number % 2 else "no", ["no", "yes"][number % 2])
        for number, word in enumerate(WORDS * 6)
    ]
    with (tmp_path / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("question", "answer", "fits"), *rows])
    targets: Any = {"fits": {"columns": "fits", "classes": ["no", "yes"]}}
    inputs: Any = {"pair": {"column": ["question", "answer"]}}
    data = Table(
        targets, path=tmp_path / "pairs.csv", inputs=inputs, image_column=None, batch_size=8, seed=0
    )
    torch.manual_seed(0)
    fits: dict[str, Task] = {"fits": Classification(2)}
    model = MultiTask(BagOfTokens(input="pair"), fits)
    trainer = Trainer(
        fast_dev_run=True,
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
        accelerator="cpu",
    )
    trainer.fit(model, data)
    batch = next(iter(data.train_dataloader()))
    # The separator stands between the two.
    assert ((batch["pair"] == 1).sum(1) == 1).all()
    assert model.predict(batch["pair"])["fits"].shape == (len(batch["pair"]), 2)


def test_a_bag_of_words_has_a_head_for_each_kind() -> None:
    tasks: dict[str, Task] = {
        "masked": MaskedTokens(8),
        "tags": TokenLabels(LABELS),
        "named": Classification(2),
    }
    model = MultiTask(BagOfTokens(64, 8), tasks)
    text = torch.tensor([[0, 5, 6, 7], [0, 9, -1, -1]], dtype=torch.int32)
    outputs = model(text)
    shapes = {name: list(each.shape) for name, each in outputs.items()}
    assert shapes == {"masked": [2, 8, 4], "tags": [2, 3, 4], "named": [2, 2]}
