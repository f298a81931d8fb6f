"""Random numbers that depend on seed, place and stream alone."""

from __future__ import annotations

import pytest
import torch

from multitask.augmentation.draws import uniforms

MASK = 2**64 - 1


def mixed(bits: int) -> int:
    """The finaliser of splitmix64, in Python's whole numbers."""
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB & MASK
    return bits ^ (bits >> 31)


@pytest.mark.parametrize("seed", [0, 7, -5, 2**63 + 11, 2**70])
def test_numbers_are_those_of_the_hash(seed: int) -> None:
    golden, places = 0x9E3779B97F4A7C15, [0, 1, 5, 2**40]
    found = uniforms(seed, torch.tensor(places), [2, 0, 3])
    assert [tuple(each.shape) for each in found] == [(4, 2), (4, 0), (4, 3)]
    for stream, numbers in enumerate(found):
        for row, place in enumerate(places):
            sample = mixed((mixed(seed & MASK) + place * golden) & MASK)
            for counter, number in enumerate(numbers[row].tolist()):
                key = (stream << 32) + counter
                assert number == (mixed((sample + key * golden) & MASK) >> 40) / 2**24


def test_mixing_is_that_of_splitmix64() -> None:
    # The first output of the published generator for the seed 1234567.
    assert mixed((1234567 + 0x9E3779B97F4A7C15) & MASK) == 6457827717110365317


def test_numbers_are_even_and_independent() -> None:
    streams = uniforms(3, torch.arange(20_000), [2, 2])
    numbers = torch.cat([*streams, *uniforms(4, torch.arange(20_000), [1])], 1)
    assert numbers.dtype == torch.float32
    assert 0 <= numbers.min() < 0.001
    assert 0.999 < numbers.max() < 1
    columns = torch.cat([numbers[1:], numbers[:-1, :1]], 1).T
    torch.testing.assert_close(columns.mean(1), torch.full((6,), 0.5), atol=0.01, rtol=0)
    torch.testing.assert_close(columns.var(1), torch.full((6,), 1 / 12), atol=0.002, rtol=0)
    torch.testing.assert_close(torch.corrcoef(columns), torch.eye(6), atol=0.03, rtol=0)


def test_a_stream_does_not_depend_on_the_length_of_others_or_on_the_batch() -> None:
    place = torch.arange(10)
    _, longer = uniforms(0, place, [5, 2])
    _, shorter = uniforms(0, place.flip(0)[:4], [1, 2])
    assert torch.equal(longer.flip(0)[:4], shorter)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_the_same() -> None:
    place = torch.arange(1000)
    (here,), (there,) = (uniforms(5, each, [3]) for each in (place, place.cuda()))
    assert torch.equal(here, there.cpu())
