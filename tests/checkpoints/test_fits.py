"""A checkpoint of another model is refused in one sentence that names the difference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from multitask.checkpoints.fits import check_fits
from multitask.errors import InputError

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
            "its tasks are digit, size, this model's are kind, size",
        ),
        (["heads.kind.weight"], {}, "its tasks are size, this model's are kind, size"),
        ([], {"heads.area.weight": NEW}, "are area, kind, size, this model's are kind, size"),
        (["heads.kind.weight", "heads.size.weight"], {}, "its tasks are none, this model's"),
        (["encoder.weight"], {}, "it has no 'encoder.weight'"),
        ([], {"encoder.bias": NEW}, "it has 'encoder.bias', which this model has not"),
        (
            [],
            {"encoder.weight": torch.zeros(4, 3)},
            "'encoder.weight' is (4, 3), this model's is (4, 2)",
        ),
        ([], {"heads.kind.weight": torch.zeros(5, 4)}, "is (5, 4), this model's is (3, 4)"),
        ([], {"count": torch.zeros(1)}, "its 'count' is (1,), this model's is ()"),
    ],
)
def test_difference_is_named(removed: list[str], added: dict[str, Tensor], message: str) -> None:
    checkpoint = {key: value for key, value in MODEL.items() if key not in removed} | added
    with pytest.raises(InputError) as error:
        check_fits(checkpoint, MODEL)
    text = str(error.value)
    assert message in text
    assert text.startswith("the checkpoint is of another model: ")
    assert text.endswith("give the configuration that it was trained with")
    assert "\n" not in text
