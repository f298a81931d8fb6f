"""Fingerprints of a run's data, so that it is resumed with the same data."""

from __future__ import annotations

import logging
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np

from multitask.checkpoints.atomic_writing import writing
from multitask.data import DataModule
from multitask.data.fingerprints import Fingerprints, of_values
from multitask.data.split_check import ALL_SPLITS

LOG = logging.getLogger("multitask")
CONTENTS_FILE = "contents.npz"
"""Fingerprints of each split's targets and inputs, in the order of the samples."""
FORM = "1"
"""Version of the fingerprint format; fingerprints of other versions are not compared."""
MOST_TOLD = 3
Contents = dict[tuple[str, str, str], Fingerprints]
"""By split, ``target`` or ``input``, and name."""


def contents_of(data: DataModule) -> Contents:
    """Compute fingerprints of everything in the data that is known without reading images."""
    found: Contents = {}
    for split, samples in data.splits.items():
        for name, values in samples.targets.items():
            found[split, "target", name] = of_values(values)
        for name, each in samples.input_fingerprints().items():
            found[split, "input", name] = each
    return found


def write_contents(contents: Contents, path: Path) -> None:
    """Write fingerprints atomically, so that the file is always complete."""
    arrays = {
        "\n".join([FORM, *key, field.name]): getattr(each, field.name)
        for key, each in contents.items()
        for field in fields(each)
    }
    with writing(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)


def read_contents(path: Path) -> Contents | None:
    """Read fingerprints; None, with a log entry, if they are damaged or in another format."""
    found: dict[tuple[str, str, str], dict[str, np.ndarray]] = {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for key in arrays.files:
                form, split, kind, name, column = key.split("\n")
                if form != FORM:
                    return None
                found.setdefault((split, kind, name), {})[column] = arrays[key]
        return {key: Fingerprints(**columns) for key, columns in found.items()}
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        LOG.warning("%s cannot be read (%s), so the data are not compared with it", path, error)
        return None


def changes(before: Contents, now: Contents, data: DataModule) -> str:
    """Describe what has changed; empty if nothing has, or if either is unknown."""
    found = list(_changes(before, now, data))
    more = f", and {len(found) - MOST_TOLD} changes more" if len(found) > MOST_TOLD else ""
    return "; ".join(found[:MOST_TOLD]) + more


def _changes(before: Contents, now: Contents, data: DataModule) -> Iterator[str]:
    sizes = {key[0]: len(each) for key, each in before.items()}
    for split in ALL_SPLITS:
        size = len(data.splits.get(split, ()))
        if sizes.get(split, size) != size:
            yield f"{split}: {sizes[split]:,} samples became {size:,}"
    for key in (each for each in before if each in now):
        (split, kind, name), old, new = key, before[key], now[key]
        if len(old) != len(new):
            continue
        places = np.flatnonzero(old.differs(new))
        if len(places):
            what = f"targets of task '{name}'" if kind == "target" else f"inputs '{name}'"
            names = data.names(split)
            first = f"sample {places[0]}" if names is None else names[places[0]]
            yield (
                f"{split}: {len(places):,} of {len(new):,} {what} differ, the first that of {first}"
            )
