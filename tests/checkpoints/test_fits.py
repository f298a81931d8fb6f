"""A checkpoint of another model is refused in one sentence that names the difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor

from multitask import MultiTask
from multitask.checkpoints.fits import check_fits
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.tasks import Regression

MODEL = {
    "encoder.weight": torch.zeros(4, 2),
    "heads.kind.weight": torch.zeros(3, 4),
    "heads.size.weight": torch.zeros(1, 4),
    "count": torch.tensor(0),
    "balancer._extra_state": {},
}
NEW = torch.zeros(1)


def test_same_weights_fit() -> None:
    check_fits(dict(reversed(MODEL.items())), MODEL)


@pytest.mark.parametrize(
    ("removed", "added", "message"),
    [
        (
            ["heads.kind.weight"],
            {"heads.digit.weight": NEW, "heads.digit.bias": NEW},
            "its tasks are digit and size, but this model's are kind and size",
        ),
        (["heads.kind.weight"], {}, "its tasks are size, but this model's are kind and size"),
        (
            [],
            {"heads.area.weight": NEW},
            "are area, kind and size, but this model's are kind and size",
        ),
        (["heads.kind.weight", "heads.size.weight"], {}, "its tasks are none, but this model's"),
        (["encoder.weight"], {}, "it has no 'encoder.weight'"),
        ([], {"encoder.bias": NEW}, "it has 'encoder.bias', which this model lacks"),
        (
            [],
            {"encoder.weight": torch.zeros(4, 3)},
            "'encoder.weight' is (4, 3), but this model's is (4, 2)",
        ),
        ([], {"heads.kind.weight": torch.zeros(5, 4)}, "is (5, 4), but this model's is (3, 4)"),
        ([], {"count": torch.zeros(1)}, "its 'count' is (1,), but this model's is ()"),
    ],
)
def test_difference_is_named(removed: list[str], added: dict[str, Tensor], message: str) -> None:
    checkpoint = {key: value for key, value in MODEL.items() if key not in removed} | added
    with pytest.raises(InputError) as error:
        check_fits(checkpoint, MODEL)
    text = str(error.value)
    assert message in text
    assert text.startswith("the checkpoint is of another model: ")
    assert "use the configuration that it was trained with" in text
    assert text.endswith("--run.weights=CHECKPOINT") == ("its tasks are" in text)
    assert "\n" not in text


def test_an_encoder_that_does_not_fit_is_not_advised() -> None:
    checkpoint = {"encoder.weight": torch.zeros(4, 3), "heads.digit.weight": NEW}
    with pytest.raises(InputError, match="use the configuration that it was trained with$"):
        check_fits(checkpoint, MODEL)


@pytest.mark.filterwarnings("ignore")
def test_the_encoder_begins_a_model_of_other_tasks(
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    tmp_path: Path,
) -> None:
    first, path = trainer(max_epochs=1), tmp_path / "model.ckpt"
    first.fit(model := tiny_model(), tiny_data())
    first.save_checkpoint(path)
    other = MultiTask(MultiTask.load_from_checkpoint(path).encoder, {"size": Regression()})
    expected = model.encoder.state_dict()
    found = other.encoder.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[key], each) for key, each in expected.items())
    again = trainer(max_epochs=1)
    again.fit(other, tiny_data())
    again.save_checkpoint(path)
    assert list(MultiTask.load_from_checkpoint(path).named_tasks) == ["size"]
