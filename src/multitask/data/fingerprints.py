"""Fingerprints of samples, which show whether data have changed since an earlier run.

Integers are compared exactly. Floating-point numbers are compared up to a hundred-thousandth of a
sample's size, or a millionth of the samples' mean size, because another processor may round
differently when they are computed.
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
"""Number of values that are processed together."""
MOST_READ = 2**28
"""Largest size in bytes of targets that are read from disk to be compared."""
MOST_SAMPLES = 256
Words = np.ndarray


@dataclass(frozen=True)
class Fingerprints:
    """One fingerprint per sample.

    Args:
        exact: hash of the integers and of which floating values are missing; ``[samples]``, int64.
        rough: weighted sum of the floating-point numbers, ``[samples]``, float64.
        size: the same sum of their absolute values.
    """

    exact: np.ndarray
    rough: np.ndarray
    size: np.ndarray

    def __len__(self) -> int:
        return len(self.exact)

    def take(self, rows: Tensor) -> Fingerprints:
        """Select samples by their indices of shape ``[samples]``, int64."""
        places = rows.numpy()
        return Fingerprints(self.exact[places], self.rough[places], self.size[places])

    def differs(self, other: Fingerprints) -> np.ndarray:
        """Return which samples differ, ``[samples]``, bool; both must have the same length."""
        if not len(self):
            return np.zeros(0, np.bool_)
        near = np.maximum(CLOSE * self.size, CLOSE_TO_MEAN * self.size.mean())
        return (self.exact != other.exact) | ~(np.abs(self.rough - other.rough) <= near)


def joined(parts: Iterable[Fingerprints]) -> Fingerprints:
    """Concatenate the fingerprints of several sources."""
    columns = zip(*((each.exact, each.rough, each.size) for each in parts), strict=True)
    return Fingerprints(*(np.concatenate(column) for column in columns))


def of_digests(digests: Sequence[str]) -> Fingerprints:
    """Compute fingerprints of files from digests of their content, such as SHA-256."""
    hashes = (
        blake2b(digest.encode(errors="replace"), digest_size=8).digest() for digest in digests
    )
    return _exact(np.frombuffer(b"".join(hashes), "<u8"))


def of_values(values: Targets) -> Fingerprints:
    """Compute fingerprints of inputs or targets, first axis ``[samples]``.

    Of large values that are stored on disk, 256 evenly spaced samples are read; the others count as
    unchanged.
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
    """Compute fingerprints of values of shape ``[samples, numbers]``."""
    if not values.is_floating_point():
        return _exact(_hashed(values.contiguous().numpy()))
    numbers = values.double().numpy()
    finite = np.isfinite(numbers)
    # Infinities and NaN are compared exactly, like integers.
    kinds = np.where(finite, 0, np.where(np.isnan(numbers), 1, 2 + (numbers > 0))).astype(np.uint8)
    known = np.where(finite, numbers, 0.0)
    weights = 0.5 + _random_words(numbers.shape[1]) / 2.0**64
    return Fingerprints(_hashed(kinds).view(np.int64), known @ weights, np.abs(known) @ weights)


def _exact(words: Words) -> Fingerprints:
    return Fingerprints(words.view(np.int64), np.zeros(len(words)), np.zeros(len(words)))


def _hashed(numbers: np.ndarray) -> Words:
    """Compute a hash of each row of integers."""
    rows = np.ascontiguousarray(numbers).view(np.uint8).reshape(len(numbers), -1)
    if missing := -rows.shape[1] % 8:
        rows = np.pad(rows, ((0, 0), (0, missing)))
    words = rows.view("<u8")
    # Odd factors, so that every change of a single word changes the hash.
    sums = words @ (_random_words(words.shape[1]) | np.uint64(1))
    return sums ^ (sums >> np.uint64(32))


@lru_cache(maxsize=4)
def _random_words(count: int) -> Words:
    """Return the same words on every machine: the output of SplitMix64 (Steele et al., 2014)."""
    words = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
