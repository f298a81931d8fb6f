"""Inputs that are not images: an encoder of numbers beside the image, and one of tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn

from multitask import InputError, MultiTask
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.split_check import SPLITS
from multitask.encoders import Encoder, Tokens
from multitask.runs.preflight import check
from multitask.tasks import Classification, Regression

pytestmark = pytest.mark.filterwarnings("ignore")


class ImagesAndNumbers(Encoder):
    """Pixels and a row of numbers, joined."""

    inputs = ("image", "numbers")

    def __init__(self) -> None:
        super().__init__()
        self.out_features = 5
        self.layer = nn.Linear(16 + 2, 5)

    def forward(self, image: Tensor, numbers: Tensor) -> Tensor:
        return self.layer(torch.cat([image.flatten(1), numbers], 1)).relu()


class Words(Encoder):
    """An embedding for each token."""

    inputs = ("tokens", "known")

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 5)

    @property
    def form(self) -> Tokens:
        return Tokens(5)

    def forward(self, tokens: Tensor, known: Tensor) -> list[Tensor]:
        return [self.embedding(tokens), known]


class Mixed(DataModule):
    """Samples with images, numbers and tokens, of which the class and the size can be told."""

    def load(self) -> dict[str, BatchDataset]:
        generator = torch.Generator().manual_seed(self.seed)
        splits: dict[str, BatchDataset] = {}
        for split in SPLITS:
            tokens = torch.randint(10, (40, 6), generator=generator)
            known = torch.arange(6) < torch.randint(1, 7, (40, 1), generator=generator)
            numbers = torch.rand(40, 2, generator=generator)
            inputs = {
                "image": torch.rand(40, 1, 4, 4, generator=generator),
                "numbers": numbers,
                "tokens": tokens,
                "known": known,
            }
            targets = {"kind": tokens[:, 0] % 2, "size": numbers[:, 0].clone()}
            splits[split] = InMemory(inputs, targets)
        return splits


def model(encoder: Encoder) -> MultiTask:
    torch.manual_seed(0)
    return MultiTask(encoder, {"kind": Classification(2), "size": Regression()})


@pytest.mark.parametrize(("encoder", "learns"), [(ImagesAndNumbers, "size"), (Words, "kind")])
def test_an_encoder_gets_what_it_names(
    encoder: Callable[[], Encoder], learns: str, trainer: Callable[..., Trainer]
) -> None:
    found, data, fitted = model(encoder()), Mixed(batch_size=10), trainer(max_epochs=15)
    check("fit", found, data, None)
    found.optimizer.make = lambda groups: torch.optim.Adam(groups, lr=0.05)
    fitted.fit(found, data)
    fitted.test(found, data, verbose=False)
    headline = {"size": "r2", "kind": "accuracy"}[learns]
    better = fitted.callback_metrics[f"test/{learns}/{headline}"]
    assert better > fitted.callback_metrics[f"trivial/{learns}/{headline}"] + 0.2
    predictions: Any = fitted.predict(found, data)
    assert predictions[0]["kind"].shape == (10, 2)


def test_an_input_that_the_data_do_not_have(tiny_data: Callable[..., DataModule]) -> None:
    words = "ImagesAndNumbers needs the input 'numbers', which the data does not have; it has image"
    with pytest.raises(InputError, match=words):
        check("fit", model_of_tiny_data(), tiny_data(), None)


def model_of_tiny_data() -> MultiTask:
    return MultiTask(ImagesAndNumbers(), {"kind": Classification(3), "size": Regression()})


def test_places_without_a_token_do_not_count() -> None:
    words = model(Words()).eval()
    tokens, known = torch.tensor([[1, 2, 3]]), torch.tensor([[True, True, False]])
    other = torch.tensor([[1, 2, 9]])
    assert torch.equal(words(tokens, known)["kind"], words(other, known)["kind"])
    assert not torch.equal(words(tokens, ~known)["kind"], words(other, ~known)["kind"])
