"""What a report says about texts, numbers and categories as inputs."""

from __future__ import annotations

import pytest
import torch

from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.inspection.data_report import data_report
from multitask.inspection.input_summary import ColumnsSummary, TextSummary, summarise_inputs
from multitask.inspection.report_text import report_text
from multitask.tables.input_columns import InputColumns
from multitask.tokenizers import HashedWords

NAN = float("nan")
TOKENIZER = HashedWords(length=6)
TEXTS = {
    "train": ["a fine film", "the long end of it all", "", "A fine film", "the film's end"],
    "val": ["a fine film", "a new one"],
    "test": ["the end"],
}
COLUMNS = {
    "train": [[1.0, 0.0, 5.0]] * 3 + [[NAN, 1.0, 5.0], [4.0, NAN, 5.0]],
    "val": [[2.0, 2.0, 5.0], [NAN, 0.0, 5.0]],
    "test": [[3.0, 0.0, 6.0]],
}


class Reviews(DataModule):
    """Texts and columns, whose names may be known."""

    is_known = True

    def load(self) -> dict[str, BatchDataset]:
        return {
            split: InMemory(
                {
                    "review": TOKENIZER(texts).tokens,
                    "facts": torch.tensor(COLUMNS[split]),
                    "spectrum": torch.zeros(len(texts), 2, 3),
                },
                {"size": torch.arange(float(len(texts)))},
            )
            for split, texts in TEXTS.items()
        }

    def texts(self, split: str) -> dict[str, list[str]]:
        return {"review": TEXTS[split]} if self.is_known else {}

    def written_inputs(self) -> dict[str, InputColumns]:
        names, kinds = ["age", "sex", "year"], {"sex": ["f", "m", "other"]}
        known = {
            "review": InputColumns("review", tokenizer=TOKENIZER),
            "facts": InputColumns(columns=names, categories=dict(kinds)),
        }
        return known if self.is_known else {}


@pytest.fixture
def data() -> Reviews:
    made = Reviews(seed=0)
    made.is_looked_at = False
    made.setup()
    return made


def test_texts_are_counted(data: Reviews) -> None:
    (found,) = (each for each in summarise_inputs(data) if isinstance(each, TextSummary))
    assert (found.name, found.places) == ("review", 6)
    assert found.texts == {"train": 5, "val": 2, "test": 1}
    assert found.empty == {"train": 1, "val": 0, "test": 0}
    assert found.full == {"train": 2, "val": 0, "test": 0}
    assert found.repeated == {"train": 1, "val": 0, "test": 0}
    assert found.trained == {"val": 1, "test": 0}
    assert found.tokens["train"].tolist() == [1, 4, 4, 6, 6]
    assert found.vocabulary == 10
    assert dict(found.words)["fine"] == 0.4


def test_columns_are_counted(data: Reviews) -> None:
    (found,) = (each for each in summarise_inputs(data) if isinstance(each, ColumnsSummary))
    age, sex, year = found.columns
    assert [each.name for each in found.columns] == ["age", "sex", "year"]
    assert age.missing == {"train": 1, "val": 1, "test": 0}
    assert age.quartiles["train"].tolist() == [1, 1, 1, 1.75, 4]
    assert sex.counts["train"].tolist() == [3, 1, 0]
    assert sex.unseen() == {"val": ["other"]}
    assert [each.is_constant for each in found.columns] == [False, False, True]
    assert year.categories == []


def test_the_report_has_a_section_for_each(data: Reviews) -> None:
    text = report_text(data_report(data, "reviews", {}))
    for line in [
        "## review: 8 texts",
        "The median training text has 4 tokens, 0.25 of all texts fill all 6 places, 1 is empty "
        "and 1 of other splits is also in training. Tokens beyond the places are cut off; the "
        "tokenizer's length sets the limit.",
        "## facts: 3 columns",
        "3 cells of age and sex are missing; year is constant in training, so nothing is "
        "learnt from it; other (sex) has no training sample.",
    ]:
        assert line in text.splitlines(), text
    assert "Training has 10 different words. The words in the most texts: " in text
    assert "f 0.75, m 0.25, other 0" in text


def test_inputs_that_nobody_has_named_have_numbers(data: Reviews) -> None:
    data.is_known = False
    text, columns = summarise_inputs(data)
    assert isinstance(text, TextSummary)
    assert text.words == []
    assert text.empty["train"] == 1
    assert isinstance(columns, ColumnsSummary)
    assert [each.name for each in columns.columns] == ["facts[0]", "facts[1]", "facts[2]"]
