"""Augmentations one after the other, and the targets that follow them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from multitask.augmentation.base import Augmentation
from multitask.augmentation.draws import PLACE, uniforms
from multitask.augmentation.matrices import composed
from multitask.errors import InputError
from multitask.geometry import Geometry
from multitask.geometry.following import followed, may_follow

BLOCK = 8192
"""Samples for which numbers are drawn together."""


class AugmentationSequence(nn.Module):
    """Changes the images of a batch, then moves its targets once, by all changes together.

    Args:
        augmentations: in the order in which they act.
        seed: the same seed and place give a sample the same change.

    Raises:
        InputError: if one of them is not an `Augmentation`.
    """

    def __init__(self, augmentations: Sequence[nn.Module], seed: int) -> None:
        super().__init__()
        self.augmentations: list[Augmentation] = []
        for each in augmentations:
            if not isinstance(each, Augmentation):
                raise InputError(
                    f"augmentations: {type(each).__name__} is no "
                    "multitask.augmentation.Augmentation, which draws for each image anew; derive "
                    "from that"
                )
            self.augmentations.append(each)
        self.seed = seed
        self._block, self._of_block = -1, tuple[Tensor, ...]()

    def __len__(self) -> int:
        """Number of augmentations."""
        return len(self.augmentations)

    def forward(
        self,
        batch: Mapping[str, Tensor],
        geometry: Mapping[str, Geometry],
        targets: Collection[str] | None = None,
    ) -> dict[str, Tensor]:
        """Change a batch.

        Args:
            batch: ``image`` ``[batch, channels, height, width]``, uint8 or floating from 0 to 1,
                ``@place`` ``[batch]``, int64, and targets by task.
            geometry: how numbers and maps follow, by task. One class number for a sample never
                changes.
            targets: names of the targets, of which only numbers and maps follow; all entries but
                the image by default.

        Returns:
            The batch with changed images and targets.

        Raises:
            InputError: if a target has to follow and nothing says how, or it cannot.
        """
        images = batch["image"]
        draws, sizes = self._draws(batch[PLACE]), [images.shape[2:]]
        for augmentation, numbers in zip(self.augmentations, draws, strict=True):
            images = augmentation(images, numbers)
            sizes.append(images.shape[2:])
        changed = {**batch, "image": images}
        known = _other_entries(batch) if targets is None else targets
        names = [name for name in known if may_follow(batch[name])]
        if names and any(each.moves for each in self.augmentations):
            matrices = [
                augmentation.matrix(numbers, *size)
                for augmentation, numbers, size in zip(
                    self.augmentations, draws, sizes[:-1], strict=True
                )
                if augmentation.moves
            ]
            matrix, ends = reduce(composed, matrices), (sizes[0], sizes[-1])
            for name in names:
                changed[name] = _followed(name, batch[name], geometry, matrix, ends)
        return changed

    def _draws(self, place: Tensor) -> tuple[Tensor, ...]:
        counts = [each.draws for each in self.augmentations]
        if not place.is_cpu or not len(place):
            return uniforms(self.seed, place, counts)
        # Drawing for one batch takes as long as for many, which come one after the other.
        first, count = int(place[0]), len(place)
        block, start = divmod(first, BLOCK)
        if start + count > BLOCK or not torch.equal(place, torch.arange(first, first + count)):
            return uniforms(self.seed, place, counts)
        if block != self._block:
            self._block = block
            whole = torch.arange(block * BLOCK, (block + 1) * BLOCK)
            self._of_block = uniforms(self.seed, whole, counts)
        return tuple(numbers[start : start + count] for numbers in self._of_block)


def _other_entries(batch: Mapping[str, Tensor]) -> list[str]:
    return [name for name in batch if name != "image" and not name.startswith("@")]


def _followed(
    name: str,
    target: Tensor,
    geometry: Mapping[str, Geometry],
    matrix: Tensor,
    sizes: tuple[Sequence[int], Sequence[int]],
) -> Tensor:
    if name not in geometry:
        raise InputError(
            f"data.geometry.{name} is missing, and an augmentation moves what the images show: say "
            f"how the target '{name}' follows, with multitask.geometry.Unchanged where it does not"
        )
    sides = [[torch.full_like(matrix[:, 0, 0], side) for side in size] for size in sizes]
    before, after = (torch.stack(each, 1) for each in sides)
    try:
        return followed(geometry[name], target, matrix, before, after)
    except InputError as error:
        raise InputError(f"data.geometry.{name}: {error}") from error
