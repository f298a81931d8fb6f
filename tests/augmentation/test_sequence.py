"""AugmentationSequence: matrices taken together, targets that follow once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from multitask.augmentation import (
    Augmentation,
    AugmentationSequence,
    ColorJitter,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
)
from multitask.augmentation.draws import uniforms
from multitask.augmentation.matrices import composed, inverted
from multitask.errors import InputError
from multitask.geometry import Geometry, Positions, Unchanged


class Counted(Geometry):
    """Remembers how often it was asked, and for what."""

    def __init__(self) -> None:
        self.calls: list[tuple[Tensor, ...]] = []

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        self.calls.append((matrix, before, after))
        return target + 1


class Halved(Augmentation):
    """Halves the image's sides."""

    draws, moves = 0, True

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        return images[:, :, ::2, ::2]

    def matrix(self, draws: Tensor, height: int, width: int) -> Tensor:
        return torch.tensor([[0.5, 0, 0], [0, 0.5, 0]]).expand(len(draws), 2, 3)


class Shown(Augmentation):
    """Shows the numbers that it gets."""

    draws, moves = 2, False

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        return images + draws.view(-1, 1, 2, 1)


def marked(points: Tensor) -> dict[str, Tensor]:
    images = torch.zeros(len(points), 1, 16, 12)
    x, y = points.unbind(1)
    images[torch.arange(len(points)), 0, y, x] = 1
    return {"image": images, "@place": torch.arange(len(points)), "at": points + 0.5}


def test_a_target_points_at_the_mark_after_several_augmentations() -> None:
    points = torch.stack([torch.randint(4, 8, (300,)), torch.randint(4, 12, (300,))], 1)
    batch = marked(points)
    made = AugmentationSequence([RandomCrop(2), RandomHorizontalFlip(), RandomCrop(2)], seed=0)
    found = made(batch, {"at": Positions()})
    for image, (x, y) in zip(found["image"], found["at"].tolist(), strict=True):
        assert image[0, int(y), int(x)] == 1
        assert image.sum() == 1
    assert (found["at"] != batch["at"]).any(1).float().mean() > 0.9


def test_each_target_follows_once_and_knows_the_sizes() -> None:
    counted = Counted()
    batch = marked(torch.ones(3, 2).long()) | {"other": torch.zeros(3)}
    batch["kind"] = torch.arange(3)
    made = AugmentationSequence([RandomCrop(2), ColorJitter(0.5), Halved()], seed=0)
    found = made(batch, {"at": counted, "other": Unchanged(), "kind": counted})
    ((matrix, before, after),) = counted.calls
    assert torch.equal(matrix[:, :, :2], torch.eye(2).expand(3, 2, 2) / 2)
    assert before.tolist() == [[16, 12]] * 3
    assert after.tolist() == [[8, 6]] * 3
    assert torch.equal(found["at"], batch["at"] + 1)
    assert torch.equal(found["other"], batch["other"])
    assert torch.equal(found["kind"], batch["kind"])


def test_targets_of_any_shape_and_precision_keep_them() -> None:
    points = torch.tensor([[3, 4], [5, 6], [7, 8]])
    batch = marked(points)
    batch["at"] = batch["at"].view(3, 1, 2).to(torch.bfloat16)
    found = AugmentationSequence([RandomCrop(1)], seed=0)(batch, {"at": Positions()})
    assert found["at"].dtype == torch.bfloat16
    assert found["at"].shape == (3, 1, 2)


def test_nothing_need_be_said_where_nothing_moves() -> None:
    batch = marked(torch.ones(3, 2).long())
    found = AugmentationSequence([ColorJitter(0.9)], seed=0)(batch, {})
    assert torch.equal(found["at"], batch["at"])
    assert not torch.equal(found["image"], batch["image"])


def test_streams_are_their_own() -> None:
    images = torch.rand(50, 1, 16, 12)
    batch = {"image": images, "@place": torch.arange(50)}
    twice = AugmentationSequence([RandomHorizontalFlip(), RandomHorizontalFlip()], seed=0)
    back = (twice(batch, {})["image"] == images).flatten(1).all(1)
    assert 10 < int(back.sum()) < 40


def test_numbers_are_the_same_for_any_places_together() -> None:
    places = torch.tensor([0, 2, 1, 3, 8190, 8191, 8192, 8193, 20_000, 3])
    made = AugmentationSequence([Shown()], seed=5)
    expected = uniforms(5, places, [2])[0]
    for parts in ([10], [4, 2, 4], [1] * 10, [4, 3, 3], [6, 2, 2]):
        found = []
        for some in places.split(parts):
            batch = {"image": torch.zeros(len(some), 1, 2, 1), "@place": some}
            found.append(made(batch, {})["image"])
        assert torch.equal(torch.cat(found).flatten(1), expected)


def test_composition_and_inverse() -> None:
    draws = torch.rand(2, 30, 4)
    affine = RandomAffine(180, (0.5, 0.5), (0.5, 2))
    first, second = (affine.matrix(each, 16, 12) for each in draws)
    last = torch.tensor([0.0, 0, 1]).expand(30, 1, 3)
    full = [torch.cat([each, last], 1) for each in (first, second)]
    expected = (full[1] @ full[0])[:, :2]
    torch.testing.assert_close(composed(first, second), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(
        composed(first, inverted(first)), torch.eye(2, 3).expand(30, 2, 3), atol=1e-4, rtol=0
    )


def test_other_modules_are_refused() -> None:
    with pytest.raises(InputError, match="augmentations: Dropout is not a .*Augmentation"):
        AugmentationSequence([nn.Dropout()], seed=0)


def test_a_target_of_which_nothing_is_said_is_refused() -> None:
    batch = marked(torch.ones(3, 2).long())
    with pytest.raises(InputError, match=r"data.geometry.at is missing.*Unchanged if it does"):
        AugmentationSequence([RandomCrop(1)], seed=0)(batch, {})


def test_other_inputs_are_no_targets() -> None:
    batch = marked(torch.ones(3, 2).long()) | {"numbers": torch.rand(3, 4)}
    made = AugmentationSequence([RandomCrop(1)], seed=0)
    found = made(batch, {"at": Positions()}, targets=["at"])
    assert torch.equal(found["numbers"], batch["numbers"])


def test_a_target_that_cannot_follow_is_named() -> None:
    batch = marked(torch.ones(3, 2).long()) | {"weight": torch.ones(3)}
    with pytest.raises(InputError, match=r"data.geometry.weight: Positions are pairs"):
        AugmentationSequence([RandomCrop(1)], seed=0)(
            batch, {"at": Positions(), "weight": Positions()}
        )
