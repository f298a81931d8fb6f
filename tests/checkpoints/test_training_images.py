"""Images that the weights of other runs were trained on are known too."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from multitask.checkpoints.source import source_of
from multitask.checkpoints.training_images import training_images, with_images_of_sources


def model_from(path: Path, images: Tensor | None) -> nn.Module:
    """A model whose encoder has the weights of a run's checkpoint."""
    torch.save({"state_dict": {}, "multitask": {"training_images": images}}, path)
    model = nn.Module()
    model.encoder = nn.Linear(1, 1)
    model.encoder.source = source_of(path, "FromRun", "The encoder is another run's")
    return model


@pytest.mark.parametrize(
    ("own", "of_source", "expected"),
    [([3, 1], [1, 9], [1, 3, 9]), ([3, 1], None, [3, 1]), (None, [9], [9]), (None, None, None)],
)
def test_images_of_the_first_weights_are_added(
    own: list[int] | None, of_source: list[int] | None, expected: list[int] | None, tmp_path: Path
) -> None:
    given = [None if each is None else torch.tensor(each) for each in (own, of_source)]
    found = with_images_of_sources(given[0], model_from(tmp_path / "best.ckpt", given[1]))
    assert (None if found is None else found.tolist()) == expected


def test_a_file_that_is_not_a_checkpoint_knows_none(tmp_path: Path) -> None:
    model = model_from(tmp_path / "weights.pth", None)
    torch.save({"0.weight": torch.ones(1)}, tmp_path / "weights.pth")
    assert with_images_of_sources(torch.tensor([3]), model).tolist() == [3]  # type: ignore[union-attr]
    assert training_images({"multitask": {"training_images": "all"}}) is None
