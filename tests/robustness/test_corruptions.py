"""Corrupted images: how strong, the same in any batch, and nothing in them moves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from multitask.errors import InputError
from multitask.robustness.corruptions import KINDS, Corruption, chosen_corruptions

ALL = chosen_corruptions(True)
RANDOM = [name for name, kind in KINDS.items() if kind.draws]
each_kind = pytest.mark.parametrize("kind", KINDS)


def images(count: int = 6, channels: int = 1, side: int = 24) -> Tensor:
    """Smooth images, each another."""
    generator = torch.Generator().manual_seed(count)
    coarse = torch.rand(count, channels, 7, 7, generator=generator)
    return interpolate(coarse, (side, side), mode="bilinear").clamp(0, 1)


def made(kind: str, strength: float) -> Corruption:
    (found,) = chosen_corruptions({kind: [strength]})
    return found


def test_there_are_eight_kinds_at_five_severities() -> None:
    assert [each.name for each in ALL[:5]] == [f"gaussian_noise-{place}" for place in range(1, 6)]
    assert len(ALL) == 40
    assert chosen_corruptions(False) == []
    assert len(chosen_corruptions({"blur": None, "jpeg": [40]})) == 6


@pytest.mark.parametrize(
    "shape", [(2, 1, 9, 7), (3, 3, 24, 24), (1, 2, 5, 8), (2, 1, 1, 1), (0, 3, 6, 6)]
)
def test_shape_dtype_and_range_stay(shape: tuple[int, ...]) -> None:
    given = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        for corruption in ALL:
            before = given.to(dtype)
            found = corruption(before, torch.arange(len(given)))
            assert found.shape == given.shape
            assert found.dtype == dtype
            assert torch.equal(before, given.to(dtype))
            if found.numel():
                assert 0 <= found.min() <= found.max() <= 1


@each_kind
def test_a_higher_severity_changes_more(kind: str) -> None:
    given = images(40)
    found = [each(given, torch.arange(40)) for each in ALL if each.kind == kind]
    errors = [float((each - given).square().mean()) for each in found]
    assert errors[0] > 0
    assert errors == sorted(errors)


@each_kind
def test_a_sample_is_the_same_in_any_batch(kind: str) -> None:
    given, places, order = images(), torch.arange(6) + 7, torch.tensor([4, 0, 5])
    for corruption in chosen_corruptions({kind: None}):
        whole = corruption(given, places, seed=3)
        assert torch.equal(corruption(given[order], places[order], seed=3), whole[order])
        assert torch.equal(corruption(given, places, seed=4), whole) == (kind not in RANDOM)
        assert torch.equal(corruption(given, places + 1, seed=3), whole) == (kind not in RANDOM)


def test_noise_is_distributed_as_its_name_says() -> None:
    grey, places = torch.full((400, 1, 16, 16), 0.5), torch.arange(400)
    gaussian = made("gaussian_noise", 0.1)(grey, places) - 0.5
    assert float(gaussian.mean()) == pytest.approx(0, abs=1e-3)
    assert float(gaussian.std()) == pytest.approx(0.1, rel=0.01)
    # Of 10 photons expected 5 are seen on average, with a variance of 5.
    shot = 10 * made("shot_noise", 10)(grey * 0.6, places)
    assert float(shot.mean()) == pytest.approx(3, rel=0.01)
    assert float(shot.var()) == pytest.approx(3, rel=0.02)
    assert torch.equal(shot, shot.round())
    bright = 255 * made("shot_noise", 255)(grey * 1.2, places)
    assert float(bright.mean()) == pytest.approx(153, rel=0.01)
    assert float(bright.var()) == pytest.approx(153, rel=0.05)
    hit = made("impulse_noise", 0.1)(grey, places)
    assert float((hit == 0).float().mean()) == pytest.approx(0.05, rel=0.05)
    assert float((hit == 1).float().mean()) == pytest.approx(0.05, rel=0.05)
    one, other = (made(kind, 0.1)(grey, places) for kind in ("gaussian_noise", "impulse_noise"))
    both = torch.stack([one.flatten() - 0.5, other.flatten() - 0.5])
    assert abs(float(torch.corrcoef(both)[0, 1])) < 0.02


@pytest.mark.parametrize("kind", [name for name in KINDS if name not in RANDOM])
@pytest.mark.parametrize("side", [23, 24])
def test_nothing_moves(kind: str, side: int) -> None:
    given, places = images(side=side), torch.arange(6)
    for corruption in chosen_corruptions({kind: None}):
        found = corruption(given, places)
        # What moves an image to one side moves its mirror image to the other.
        mirrored = corruption(given.flip(3), places).flip(3)
        room = 0.08 if kind == "jpeg" else 1e-5
        assert float((mirrored - found).abs().mean()) < room


def test_lengths_are_shares_of_the_side() -> None:
    small = images(count=20, side=24)
    large = interpolate(small, (96, 96), mode="bilinear")
    # Less than a pixel of the small one is not the same share.
    for corruption in chosen_corruptions({"blur": None})[2:]:
        sides = (each - corruption(each, torch.arange(20)) for each in (small, large))
        first, second = (float(each.square().mean().sqrt()) for each in sides)
        assert first == pytest.approx(second, rel=0.25)
    coarse = made("pixelation", 0.25)(large, torch.arange(20))
    assert torch.equal(
        coarse, interpolate(coarse, (24, 24)).repeat_interleave(4, 2).repeat_interleave(4, 3)
    )


def test_strengths_that_change_nothing() -> None:
    given, places = images(), torch.arange(6)
    for kind, strength in (("gaussian_noise", 0), ("blur", 0), ("contrast", 1), ("pixelation", 1)):
        assert torch.allclose(made(kind, strength)(given, places), given, atol=1e-6)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"blurr": None}, "there is no 'blurr'; did you mean 'blur'"),
        ({"blur": []}, "blur has no strength"),
        ({"contrast": [2.0]}, "contrast has the strength 2; it must be a factor, from 0 to 1"),
        ({"jpeg": [0]}, "a quality, from 1 to 100"),
        ({"gaussian_noise": [float("nan")]}, "has the strength nan"),
    ],
)
def test_what_cannot_be_is_refused(choice: dict[str, list[float] | None], words: str) -> None:
    with pytest.raises(InputError, match=words):
        chosen_corruptions(choice)
