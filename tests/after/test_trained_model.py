"""A trained model embeds images, whatever its tasks share."""

from __future__ import annotations

import pytest
import torch

from multitask import MultiTask
from multitask.after.trained_model import TrainedModel
from multitask.encoders import ConvNet
from multitask.sharing import CrossStitch, HardSharing, MMoE, SharingCallable
from multitask.tasks import Classification, Regression

DESCRIPTION = {
    "inputs": {"image": {"height": 8, "width": 8, "channels": 1}},
    "tasks": {"a": {}, "b": {}},
}


@pytest.mark.parametrize(
    ("sharing", "tasks", "features"),
    [
        (HardSharing, "ab", 64),
        # The encoders side by side, of a single task too.
        (CrossStitch, "ab", 128),
        (CrossStitch, "a", 64),
        # The representation and four experts.
        (MMoE, "ab", 5 * 64),
    ],
)
def test_each_way_to_share_gives_a_vector(
    sharing: SharingCallable, tasks: str, features: int
) -> None:
    known = {"a": Classification(3), "b": Regression()}
    model = MultiTask(ConvNet(1, [4, 8]), {name: known[name] for name in tasks}, sharing=sharing)
    trained = TrainedModel(model, DESCRIPTION, device="cpu")
    pixels = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    embedded = trained.embed(pixels)
    assert embedded.shape == (5, features)
    predictions, same = trained.predicted_and_embedded(pixels)
    torch.testing.assert_close(same, embedded)
    assert [name for name in predictions if "." not in name] == list(tasks)
