"""The test data of an ensemble: those that no member was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multitask.after.older_checkpoints import data_beside
from multitask.configuration.settings import read_config
from multitask.configuration.trust import names_others
from multitask.data import DataModule
from multitask.data.duplicates import Hashes, input_hashes
from multitask.errors import InputError
from multitask.runs.deciding_files import whole_config
from multitask.runs.folder import folder_of

TRUST = "they are imported only if you trust whoever made the run: give --trust"
ON_A_TABLE = "test it on labelled images that no member has seen: multitask evaluate ENSEMBLE TABLE"


def common_test_data(checkpoints: Sequence[Path], trust: bool) -> DataModule:
    """The data of the first member's run, if all members share its test set.

    With other data or another data seed, the test images of one member could be training images of
    another, and the metrics of the ensemble would be too optimistic.

    Args:
        checkpoints: checkpoints of the members.
        trust: see `multitask.after.loading.load`.

    Raises:
        InputError: with the reason why there is no such test set.
    """
    told = [_told(each) for each in checkpoints]
    data = data_beside(checkpoints[0], trust)
    if "test" not in data.splits:
        raise InputError(f"the data of {checkpoints[0]} have no test set; {ON_A_TABLE}")
    known: list[Any] = [told[0]]
    ours: Hashes | None = None
    for path, each in zip(checkpoints, told, strict=True):
        if each in known:
            continue
        known.append(each)
        ours = input_hashes(data.splits["test"]) if ours is None else ours
        theirs = data_beside(path, trust).splits.get("test")
        if theirs is None or not np.array_equal(ours, input_hashes(theirs)):
            raise InputError(
                f"{path} was trained on other data than {checkpoints[0]} or with another seed of "
                "them (data.init_args.seed), so the test images of one may be training images of "
                f"the other; train the members with one seed of the data, or {ON_A_TABLE}"
            )
    return data


def check_trust(checkpoints: Sequence[Path]) -> None:
    """Reject runs whose configurations name classes outside known packages.

    Raises:
        InputError: with the configuration.
    """
    for folder in filter(None, map(folder_of, checkpoints)):
        config = whole_config(folder)
        if names_others(config.read_text(encoding="utf-8")):
            raise InputError(f"{config} names classes of your own or of other packages; {TRUST}")


def _told(checkpoint: Path) -> Any:
    """What determines the data of a run: their settings and their seed."""
    folder = folder_of(checkpoint)
    if folder is None:
        raise InputError(f"{checkpoint} is not in a run's folder, so it has no data; {ON_A_TABLE}")
    entries: Any = read_config(whole_config(folder)).plain()
    data = entries.get("data")
    settings = data.get("init_args") if isinstance(data, dict) else None
    has_own_seed = isinstance(settings, dict) and settings.get("seed") is not None
    return data, None if has_own_seed else entries.get("seed_everything")
