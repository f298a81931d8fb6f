"""What encoders learn of their inputs before training, and what is refused there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor

from multitask import MultiTask
from multitask.augmentation import AugmentationSequence, MaskTokens
from multitask.augmentation.draws import PLACE
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.split_check import SPLITS
from multitask.encoders import (
    MLP,
    BagOfTokens,
    Columns,
    ConvNet,
    Encoder,
    FromRun,
    Several,
    TextTransformer,
)
from multitask.errors import InputError
from multitask.runs.preflight import check
from multitask.sharing import CrossStitch
from multitask.training.encoder_inputs import learn_input_statistics
from multitask.training.input_draws import InputDraws

pytestmark = pytest.mark.filterwarnings("ignore")
NAN, SAMPLES = float("nan"), 20


class Reviews(DataModule):
    """An image, a text and two columns, with a class and a number; none is missing.

    Args:
        changed: inputs of the training samples to replace.
        shift: added to the first column.
    """

    def __init__(self, changed: dict[str, Tensor] | None = None, shift: float = 0.0) -> None:
        super().__init__(batch_size=10, seed=0)
        self.changed, self.shift = changed or {}, shift

    def load(self) -> dict[str, BatchDataset]:
        splits: dict[str, BatchDataset] = {}
        for split in SPLITS:
            inputs = {**samples(self.shift), **(self.changed if split == "train" else {})}
            targets = {
                "kind": torch.arange(SAMPLES) % 3,
                "size": torch.where(torch.arange(SAMPLES) % 4 > 0, inputs["numbers"][:, 0], NAN),
            }
            splits[split] = InMemory(inputs, targets)
        return splits


def samples(shift: float = 0.0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(3, 20, (SAMPLES, 6), generator=generator, dtype=torch.int32)
    text[:, 0], text[::3, 4:] = 0, -1
    sex = torch.arange(SAMPLES) % 2
    numbers = torch.stack([torch.randn(SAMPLES, generator=generator) * 9 + 50 + shift, sex], 1)
    return {
        "image": torch.rand(SAMPLES, 1, 4, 4, generator=generator),
        "text": text,
        "numbers": numbers,
    }


def with_gaps() -> dict[str, Tensor]:
    inputs = samples()
    inputs["image"][::4], inputs["text"][1::4, 1:], inputs["numbers"][2::4] = NAN, -1, NAN
    return inputs


def columns() -> Columns:
    return Columns([1, 2], [4], 8)


def several(**options: Any) -> Several:
    parts: dict[str, Encoder] = {
        "image": ConvNet(1, [2], 1, 4),
        "text": TextTransformer(20, 6, 8),
        "numbers": columns(),
    }
    return Several(parts, 8, **options)


def expected() -> tuple[Tensor, Tensor]:
    numbers = samples()["numbers"][:, :1]
    return numbers.mean(0), 1 / numbers.std(0, correction=0)


def test_means_and_deviations_are_those_of_the_training_samples(
    tiny_model: Callable[..., MultiTask], trainer: Callable[..., Trainer]
) -> None:
    encoder = columns()
    trainer().fit(tiny_model(encoder=encoder), Reviews())
    torch.testing.assert_close((encoder.cells.mean, encoder.cells.scale), expected())


def test_encoders_inside_others_learn_too(tiny_model: Callable[..., MultiTask]) -> None:
    data = Reviews()
    data.setup()
    model = tiny_model(encoder=several(), sharing=CrossStitch)
    learn_input_statistics(model.encoder, data)
    found = [each for each in model.encoder.modules() if isinstance(each, Columns)]
    assert len(found) == 2
    for each in found:
        torch.testing.assert_close((each.cells.mean, each.cells.scale), expected())


def test_statistics_stay_those_that_the_weights_were_trained_with(
    tmp_path: Path, tiny_model: Callable[..., MultiTask], trainer: Callable[..., Trainer]
) -> None:
    first = trainer()
    first.fit(tiny_model(encoder=columns()), Reviews())
    first.save_checkpoint(tmp_path / "first.ckpt")
    tuned: Any = FromRun(tmp_path / "first.ckpt")
    trainer().fit(tiny_model(encoder=tuned), Reviews(shift=1000))
    torch.testing.assert_close((tuned.cells.mean, tuned.cells.scale), expected())
    resumed = columns()
    path, model = tmp_path / "first.ckpt", tiny_model(encoder=resumed)
    trainer(max_epochs=2).fit(model, Reviews(), ckpt_path=path, weights_only=True)
    torch.testing.assert_close((resumed.cells.mean, resumed.cells.scale), expected())


@pytest.mark.parametrize("join", ["concatenate", "attention"])
def test_a_checkpoint_alone_gives_the_same_predictions(
    join: str,
    tmp_path: Path,
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> None:
    model, data = tiny_model(encoder=several(join=join)), Reviews(with_gaps())
    check("fit", model, data, None)
    made = trainer()
    made.fit(model, data)
    made.save_checkpoint(tmp_path / "model.ckpt")
    again = MultiTask.load_from_checkpoint(tmp_path / "model.ckpt").eval()
    inputs = [with_gaps()[name] for name in ("image", "text", "numbers")]
    for name, output in model.eval()(*inputs).items():
        assert output.isfinite().all()
        assert torch.equal(again(*inputs)[name], output)
    assert again.inputs == ("image", "text", "numbers")


def test_inputs_are_dropped_by_the_places_of_samples(
    tiny_model: Callable[..., MultiTask], trainer: Callable[..., Trainer]
) -> None:
    model, made = tiny_model(encoder=several(drop=0.5)), trainer()
    made.datamodule = Reviews()  # type: ignore[attr-defined]
    draws, drop = InputDraws(), model.encoder.drop
    found = []
    for places in (torch.arange(40, 50), torch.arange(40, 43), torch.arange(43, 50)):
        draws.on_train_batch_start(made, model, {PLACE: places}, 0)
        found.append(drop.draws)
        draws.on_train_batch_end(made, model)
        assert drop.draws is None
    whole, one, two = found
    assert torch.equal(whole, torch.cat([one, two]))
    assert len(whole.unique()) == 30


@pytest.mark.parametrize(
    ("encoder", "changed", "words"),
    [
        (
            lambda: BagOfTokens(19),
            {},
            "^model.encoder.init_args.vocabulary is 19, but the text 'text' contains the token 19",
        ),
        (
            lambda: TextTransformer(20, 5, 8),
            {},
            "^model.encoder.init_args.length is 5, but a text has 6 tokens; set it to at least 6",
        ),
        (
            lambda: Columns([1]),
            {},
            "^model.encoder.init_args.sizes lists 1 column, but 'numbers' has 2; give a size",
        ),
        (
            lambda: Several({"text": BagOfTokens(9), "numbers": columns()}),
            {},
            "^model.encoder.init_args.encoders.text.init_args.vocabulary is 9, but",
        ),
        (
            lambda: BagOfTokens(20, input="review"),
            {},
            "BagOfTokens needs the input 'review', which the data does not have; it has image, t",
        ),
        (
            lambda: MLP(16),
            {"image": with_gaps()["image"]},
            "^train data: 5 samples, such as sample 0, have no input 'image', which the",
        ),
    ],
)
def test_what_an_encoder_cannot_take_is_refused(
    encoder: Callable[[], Encoder],
    changed: dict[str, Tensor],
    words: str,
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> None:
    for way in (
        lambda model: check("fit", model, Reviews(changed), None),
        lambda model: trainer().fit(model, Reviews(changed)),
    ):
        with pytest.raises(InputError, match=words):
            way(tiny_model(encoder=encoder()))


def test_a_mask_that_the_encoder_does_not_know_is_refused(
    tiny_model: Callable[..., MultiTask],
) -> None:
    data = Reviews()
    data.augmentations = AugmentationSequence([MaskTokens(mask=60)], 0)
    with pytest.raises(InputError, match="mask of MaskTokens is 60: .*vocabulary is 20"):
        check("fit", tiny_model(encoder=BagOfTokens(20)), data, None)


def test_columns_are_not_rounded_before_they_are_standardised(
    tiny_model: Callable[..., MultiTask], trainer: Callable[..., Trainer]
) -> None:
    with pytest.raises(InputError, match="precision bf16-true rounds .*; use bf16-mixed or 32"):
        trainer(precision="bf16-true").fit(tiny_model(encoder=several()), Reviews())


def test_no_setting_is_named_that_a_checkpoint_decides(
    tmp_path: Path, tiny_model: Callable[..., MultiTask], trainer: Callable[..., Trainer]
) -> None:
    first = trainer(max_epochs=0)
    first.fit(tiny_model(encoder=BagOfTokens(20)), Reviews())
    first.save_checkpoint(tmp_path / "first.ckpt")
    model = tiny_model(encoder=FromRun(tmp_path / "first.ckpt"))
    data = Reviews({"text": samples()["text"] + 100})
    words = "^FromRun: of the checkpoint's encoder vocabulary is 20, but the text 'text' contains"
    with pytest.raises(InputError, match=words) as error:
        check("fit", model, data, None)
    assert "set it" not in str(error.value)


@pytest.mark.parametrize("encoder", [lambda: BagOfTokens(20), columns])
def test_texts_and_columns_may_be_missing(
    encoder: Callable[[], Encoder], tiny_model: Callable[..., MultiTask]
) -> None:
    check("fit", tiny_model(encoder=encoder()), Reviews(with_gaps()), None)
