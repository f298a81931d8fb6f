"""Data without images: nothing but data sets knows that images exist."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn

from multitask import MultiTask
from multitask.callbacks import Figures, PredictionTable
from multitask.data import DataModule, Mixture
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.faces import Face, show_samples
from multitask.encoders import Encoder
from multitask.errors import InputError
from multitask.inspection.data_report import data_report
from multitask.inspection.report_figure import draw_report
from multitask.inspection.report_text import report_text
from multitask.runs.preflight import _try_encoder


class Records(DataModule):
    """Numbers and tokens; the class is whether the first token is 1."""

    def load(self) -> dict[str, BatchDataset]:
        generator = torch.Generator().manual_seed(self.seed)
        splits: dict[str, BatchDataset] = {}
        for split in ("train", "val", "test"):
            numbers = torch.rand(64, 2, generator=generator)
            tokens = torch.randint(2, (64, 3), generator=generator)
            targets = {"kind": tokens[:, 0], "size": numbers.sum(1)}
            splits[split] = InMemory({"numbers": numbers, "tokens": tokens}, targets)
        return splits


class Words(Encoder):
    """Embedded tokens beside numbers."""

    inputs = ("tokens", "numbers")

    def __init__(self, size: int = 4) -> None:
        super().__init__()
        self.embedding = nn.Embedding(2, size)
        self.out_features = 3 * size + 2

    def forward(self, tokens: Tensor, numbers: Tensor) -> Tensor:
        return torch.cat([self.embedding(tokens).flatten(1), numbers], 1)


def ready(data: DataModule) -> DataModule:
    data.setup()
    return data


@pytest.fixture
def data() -> Records:
    return Records(batch_size=8, seed=0)


def test_a_model_of_tokens_and_numbers_is_trained_drawn_tested_and_predicts(
    data: Records,
    tmp_path: Path,
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> None:
    model = tiny_model(encoder=Words(), optimizer=torch.optim.Adam)
    _try_encoder(model, ready(data))
    callbacks = [Figures(tmp_path, samples=4), PredictionTable(tmp_path / "predictions.csv")]
    made = trainer(callbacks=callbacks)
    made.fit(model, data)
    made.test(model, data, verbose=False)
    made.predict(model, data, return_predictions=False)
    for figure in ("data/samples.png", "val/samples.png", "test/kind.png"):
        assert (tmp_path / figure).exists()
    tokens = data.splits["test"].inputs(torch.arange(4))["tokens"].tolist()
    page = (tmp_path / "test/predictions.html").read_text(encoding="utf-8")
    assert all(f"<td>{', '.join(map(str, each))}</td>" in page for each in tokens)
    with (tmp_path / "predictions.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 64


def test_a_report_of_data_without_images(data: Records) -> None:
    report = data_report(ready(data), "records", {})
    assert report_text(report).startswith("# records: 192 samples\n")
    figure = draw_report(report, data)
    titles = [axes.get_title() for axes in figure.subfigs[1].axes]
    assert len(titles) == 16
    assert all(title.startswith("numbers 0.") and "\ntokens " in title for title in titles)


def test_an_input_that_the_data_do_not_have_is_named(
    tiny_data: Callable[..., DataModule], tiny_model: Callable[..., MultiTask]
) -> None:
    with pytest.raises(InputError, match="needs the input 'tokens', which the data does not have"):
        _try_encoder(tiny_model(encoder=Words()), ready(tiny_data()))


class Shouting(Face):
    """Tokens as letters."""

    def show(self, value: Tensor) -> str:
        return "".join("AB"[token] for token in value.tolist())


def test_a_data_set_says_how_its_inputs_are_shown_and_a_mixture_asks_its_sources() -> None:
    class Spelt(Records):
        def faces(self) -> dict[str, Face]:
            return {**super().faces(), "tokens": Shouting()}

    mixed = Mixture({"one": Spelt(seed=0), "two": Spelt(seed=1)}, batch_size=8, seed=0)
    batch = ready(mixed).splits["train"][torch.tensor([0, 100])]
    shown = show_samples(batch, mixed.faces())
    letters = [Shouting().show(each) for each in batch["tokens"]]
    assert [each["tokens"] for each in shown] == letters
    assert batch["@source"].tolist() == [0, 1]
