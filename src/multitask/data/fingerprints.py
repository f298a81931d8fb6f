"""Numbers by which samples are told apart, so that data can be compared with those of another day.

Whole numbers count exactly. Floating ones count up to a hundred-thousandth of a sample's size, or a
millionth of the samples' mean size, for another processor may round differently where they are
computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor

from multitask.data.targets import Targets, example

CLOSE, CLOSE_TO_MEAN = 1e-5, 1e-6
CHUNK = 2**20
"""Numbers that are looked at together."""
MOST_READ = 2**28
"""Bytes of targets that are read from the disk to be compared."""
MOST_SAMPLES = 256
Words = np.ndarray


@dataclass(frozen=True)
class Fingerprints:
    """One fingerprint for each sample.

    Args:
        exact: what whole numbers are, and which floating ones are missing; ``[samples]``, int64.
        rough: a weighted sum of the floating numbers, ``[samples]``, float64.
        size: the same of their absolute values.
    """

    exact: np.ndarray
    rough: np.ndarray
    size: np.ndarray

    def __len__(self) -> int:
        return len(self.exact)

    def take(self, rows: Tensor) -> Fingerprints:
        """Those of some samples, whose places have the shape ``[samples]``, int64."""
        places = rows.numpy()
        return Fingerprints(self.exact[places], self.rough[places], self.size[places])

    def differs(self, other: Fingerprints) -> np.ndarray:
        """Which samples are others, ``[samples]``, bool; there are as many."""
        if not len(self):
            return np.zeros(0, np.bool_)
        near = np.maximum(CLOSE * self.size, CLOSE_TO_MEAN * self.size.mean())
        return (self.exact != other.exact) | ~(np.abs(self.rough - other.rough) <= near)


def joined(parts: Iterable[Fingerprints]) -> Fingerprints:
    """The fingerprints of several sources, one source after the other."""
    columns = zip(*((each.exact, each.rough, each.size) for each in parts), strict=True)
    return Fingerprints(*(np.concatenate(column) for column in columns))


def of_digests(digests: Sequence[str]) -> Fingerprints:
    """Of files, by texts that tell what is in them, such as their SHA-256."""
    hashes = (
        blake2b(digest.encode(errors="replace"), digest_size=8).digest() for digest in digests
    )
    return _exact(np.frombuffer(b"".join(hashes), "<u8"))


def of_values(values: Targets) -> Fingerprints:
    """Of inputs or targets, first axis ``[samples]``.

    Of those that lie on a disk, and are large, 256 samples are read, evenly spaced; the others
    count as the same.
    """
    count = len(values)
    if count == 0:
        return _exact(np.zeros(0, np.uint64))
    first = example(values)
    if not isinstance(values, Tensor) and first.nbytes * count > MOST_READ:
        places = np.unique(np.linspace(0, count - 1, MOST_SAMPLES).astype(np.int64))
        found = _of_chunks(values, torch.from_numpy(places), max(1, CHUNK // first.numel()))
        whole = Fingerprints(np.zeros(count, np.int64), np.zeros(count), np.zeros(count))
        for name in ("exact", "rough", "size"):
            getattr(whole, name)[places] = getattr(found, name)
        return whole
    return _of_chunks(values, torch.arange(count), max(1, CHUNK // max(1, first.numel())))


def _of_chunks(values: Targets, places: Tensor, size: int) -> Fingerprints:
    return joined(
        _of_chunk(values[each].cpu().reshape(len(each), -1)) for each in places.split(size)
    )


def _of_chunk(values: Tensor) -> Fingerprints:
    """Shape ``[samples, numbers]``."""
    if not values.is_floating_point():
        return _exact(_hashed(values.contiguous().numpy()))
    numbers = values.double().numpy()
    finite = np.isfinite(numbers)
    # Infinities and NaN are what whole numbers are: the same or not.
    kinds = np.where(finite, 0, np.where(np.isnan(numbers), 1, 2 + (numbers > 0))).astype(np.uint8)
    known = np.where(finite, numbers, 0.0)
    weights = 0.5 + _random_words(numbers.shape[1]) / 2.0**64
    return Fingerprints(_hashed(kinds).view(np.int64), known @ weights, np.abs(known) @ weights)


def _exact(words: Words) -> Fingerprints:
    return Fingerprints(words.view(np.int64), np.zeros(len(words)), np.zeros(len(words)))


def _hashed(numbers: np.ndarray) -> Words:
    """A number for each row of whole numbers, the same for the same row, and else hardly ever."""
    rows = np.ascontiguousarray(numbers).view(np.uint8).reshape(len(numbers), -1)
    if missing := -rows.shape[1] % 8:
        rows = np.pad(rows, ((0, 0), (0, missing)))
    words = rows.view("<u8")
    # Odd factors, so that no change of one word is lost.
    sums = words @ (_random_words(words.shape[1]) | np.uint64(1))
    return sums ^ (sums >> np.uint64(32))


@lru_cache(maxsize=4)
def _random_words(count: int) -> Words:
    """The same on each day and machine: the output of SplitMix64 (Steele et al., 2014)."""
    words = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
