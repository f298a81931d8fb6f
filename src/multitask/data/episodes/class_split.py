"""The division of classes into training, validation and test classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from multitask.data.split_check import SPLITS
from multitask.errors import InputError, nearest
from multitask.pages.words import listed

Kinds = dict[str, list[Any]]
"""Names of classes or columns by split."""


def refuse_idle(
    given: Any, counts: Mapping[str, tuple[int | None, int | None]], what: str = "classes"
) -> None:
    """Refuse numbers of classes or columns that have no effect because all are named.

    Args:
        given: the names for each split; None if they are drawn.
        counts: for each setting, the number to draw, and its default.
        what: the setting that lists the names.

    Raises:
        InputError: naming the setting.
    """
    for name, (count, default) in counts.items():
        if given is not None and count != default:
            raise InputError(
                f"{name} is {count}, but {what} lists those of each split; remove one of them"
            )


def split_kinds(
    known: Sequence[Any],
    given: Mapping[str, Sequence[Any]] | None,
    val: int,
    test: int,
    seed: int,
    what: str = "classes",
) -> Kinds:
    """Divide classes or columns at random, or as the user specifies.

    Args:
        known: all names, in order.
        given: the names for each split; names that are in none are not used. Without ``val``,
            validation uses those of training.
        val: number for validation if no names are given; 0 for those of training.
        test: number for the test if no names are given.
        seed: the same seed gives the same parts.
        what: what the names stand for, and the setting that lists them.

    Returns:
        ``train``, ``val`` and ``test``, each in the order of ``known``.

    Raises:
        InputError: if a name is unknown or in two parts, or none is left for training.
    """
    if given is not None:
        return _given(known, given, what)
    if val < 0 or test < 1 or val + test >= len(known):
        raise InputError(
            f"{val} of the {len(known)} {what} cannot be for validation and {test} for testing; "
            "testing needs at least 1, and training some too"
        )
    order = torch.randperm(len(known), generator=torch.Generator().manual_seed(seed)).tolist()
    parts = {"test": order[:test], "val": order[test : test + val], "train": order[test + val :]}
    found = {split: [known[place] for place in sorted(parts[split])] for split in SPLITS}
    return {**found, "val": found["val"] or found["train"]}


def _given(known: Sequence[Any], given: Mapping[str, Sequence[Any]], what: str) -> Kinds:
    if odd := [split for split in given if split not in SPLITS]:
        raise InputError(f"{what} has '{odd[0]}'{nearest(odd[0], SPLITS)}; give {listed(SPLITS)}")
    owner: dict[Any, str] = {}
    for split, names in given.items():
        for name in names:
            if name not in known:
                near = nearest(str(name), list(map(str, known)))
                raise InputError(
                    f"{what}: {split} names {name!r}, which the data do not have{near}"
                )
            if name in owner:
                where = "twice" if owner[name] == split else f"and so does {owner[name]}"
                raise InputError(f"{what}: {split} names {name!r} {where}; name each once")
            owner[name] = split
    if lacking := [split for split in ("train", "test") if not given.get(split)]:
        raise InputError(f"{what} names none for {lacking[0]}; name some for train and for test")
    found = {split: [name for name in known if owner.get(name) == split] for split in SPLITS}
    return {**found, "val": found["val"] or found["train"]}
