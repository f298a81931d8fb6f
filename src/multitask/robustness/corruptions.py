"""Corruptions of images, as by cameras, light and compression; nothing in them moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from multitask.augmentation.draws import uniforms
from multitask.errors import InputError, nearest
from multitask.robustness.corruption_kinds import KINDS

Choice = bool | Mapping[str, Sequence[float] | None]
"""All corruptions, none, or some kinds with a strength for each severity; None: default ones."""


@dataclass(frozen=True)
class Corruption:
    """A kind of corruption at one severity.

    Args:
        kind: one of `KINDS`.
        severity: index of the strength, from 1.
        strength: see the kind's ``meaning``.
    """

    kind: str
    severity: int
    strength: float

    @property
    def name(self) -> str:
        """The name of the corruption, such as ``blur-3``."""
        return f"{self.kind}-{self.severity}"

    @torch.no_grad()
    def __call__(self, images: Tensor, places: Tensor, seed: int = 0) -> Tensor:
        """Corrupt images.

        Args:
            images: from 0 to 1, shape ``[batch, channels, height, width]``, floating.
            places: indices of the samples in their split, shape ``[batch]``, int64. Together with
                the seed they determine the random numbers, independently of the batch and the
                process.
            seed: any integer.

        Returns:
            Same shape, dtype and device, from 0 to 1.
        """
        kind = KINDS[self.kind]
        floats = images.to(torch.promote_types(images.dtype, torch.float32))
        drawn = _drawn(self.kind, floats, places, seed) if kind.draws else floats
        return kind.change(floats, self.strength, drawn).clamp(0, 1).to(images.dtype)


def chosen_corruptions(choice: Choice) -> list[Corruption]:
    """The corruptions that the user requests.

    Args:
        choice: see `Choice`.

    Raises:
        InputError: names the kind, and the invalid strength.
    """
    if isinstance(choice, bool):
        choice = dict.fromkeys(KINDS) if choice else {}
    found: list[Corruption] = []
    for name, strengths in choice.items():
        if name not in KINDS:
            raise InputError(
                f"corruptions: there is no '{name}'{nearest(name, KINDS)}; there are "
                f"{', '.join(KINDS)}"
            )
        given = KINDS[name].strengths if strengths is None else strengths
        if not given:
            raise InputError(f"corruptions: {name} has no strength; give one for each severity")
        for severity, strength in enumerate(given, 1):
            _check(name, strength)
            found.append(Corruption(name, severity, float(strength)))
    return found


def _check(name: str, strength: float) -> None:
    kind = KINDS[name]
    if not kind.lowest <= strength <= kind.highest:
        raise InputError(
            f"corruptions: {name} has the strength {strength:g}; it must be {kind.meaning}, from "
            f"{kind.lowest:g} to {kind.highest:g}"
        )


def _drawn(name: str, images: Tensor, places: Tensor, seed: int) -> Tensor:
    # The same numbers at each severity, so that severities only differ by strength.
    own = seed + 1 + list(KINDS).index(name)
    (found,) = uniforms(own, places.to(images.device), [prod(images.shape[1:])])
    return found.to(images.dtype).view_as(images)
