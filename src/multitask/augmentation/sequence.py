"""A sequence of augmentations, and the targets that follow them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from multitask.augmentation.base import Augmentation
from multitask.augmentation.draws import PLACE, uniforms
from multitask.augmentation.matrices import composed
from multitask.augmentation.text import TextAugmentation
from multitask.errors import InputError
from multitask.geometry import Geometry
from multitask.geometry.moved_targets import followed, may_follow

BLOCK = 8192
"""Number of samples for which numbers are drawn together."""


class AugmentationSequence(nn.Module):
    """Changes the images and texts of a batch, then moves its targets once.

    Targets are moved by the composition of all changes of the images.

    Args:
        augmentations: in the order in which they are applied.
        seed: with the same seed and place, a sample is changed in the same way.

    Raises:
        InputError: if one of them is not an `Augmentation`.
    """

    def __init__(self, augmentations: Sequence[nn.Module], seed: int) -> None:
        super().__init__()
        self.augmentations: list[Augmentation] = []
        for each in augmentations:
            if not isinstance(each, Augmentation):
                raise InputError(
                    f"augmentations: {type(each).__name__} is not a "
                    "multitask.augmentation.Augmentation, which draws new numbers for each sample; "
                    "derive it from that class"
                )
            self.augmentations.append(each)
        self.seed = seed
        self._block, self._of_block = -1, tuple[Tensor, ...]()

    def __len__(self) -> int:
        """Number of augmentations."""
        return len(self.augmentations)

    def check_inputs(self, inputs: Mapping[str, Tensor], owner: str) -> None:
        """Refuse augmentations of inputs that do not exist.

        Args:
            inputs: the batch's inputs by name.
            owner: owner of the augmentations, for the message.

        Raises:
            InputError: naming the augmentation and the missing input.
        """
        for each in self.augmentations:
            name = type(each).__name__
            if each.acts_on == "image" and "image" not in inputs:
                raise InputError(
                    f"augmentations: {name} changes images, but {owner} has no input 'image'; "
                    "remove it"
                )
            if isinstance(each, TextAugmentation) and not each.texts(inputs):
                which = "" if each.input is None else f" '{each.input}'"
                raise InputError(
                    f"augmentations: {name} changes texts, but {owner} has no text{which}; its "
                    f"inputs are {', '.join(inputs)}"
                )

    def forward(
        self,
        batch: Mapping[str, Tensor],
        geometry: Mapping[str, Geometry],
        targets: Collection[str] | None = None,
    ) -> dict[str, Tensor]:
        """Change a batch.

        Args:
            batch: inputs such as ``image`` ``[batch, channels, height, width]``, uint8 or floating
                from 0 to 1, and texts ``[batch, places]``, int32; ``@place`` ``[batch]``, int64;
                and targets by task.
            geometry: how numbers and maps follow, by task. A single class index per sample never
                changes.
            targets: names of the targets, of which only numbers and maps follow; default: all
                entries except the image.

        Returns:
            The batch with changed images, texts and targets.

        Raises:
            InputError: if a target has to follow, but has no geometry or cannot follow.
        """
        known = _other_entries(batch) if targets is None else targets
        changed = dict(batch)
        for stream, each in enumerate(self.augmentations):
            if isinstance(each, TextAugmentation):
                changed |= self._texts(stream, each, changed, known)
        if any(each.acts_on == "image" for each in self.augmentations):
            changed |= self._images(batch, geometry, known)
        return changed

    def _images(
        self,
        batch: Mapping[str, Tensor],
        geometry: Mapping[str, Geometry],
        targets: Collection[str],
    ) -> dict[str, Tensor]:
        images, places = batch["image"], self._draws(batch[PLACE])
        each = zip(self.augmentations, places, strict=True)
        steps = [(one, numbers) for one, numbers in each if one.acts_on == "image"]
        sizes = [images.shape[2:]]
        for augmentation, numbers in steps:
            images = augmentation(images, numbers)
            sizes.append(images.shape[2:])
        changed = {"image": images}
        names = [name for name in targets if may_follow(batch[name])]
        if names and any(augmentation.moves for augmentation, _ in steps):
            matrices = [
                augmentation.matrix(numbers, *size)
                for (augmentation, numbers), size in zip(steps, sizes[:-1], strict=True)
                if augmentation.moves
            ]
            matrix, ends = reduce(composed, matrices), (sizes[0], sizes[-1])
            for name in names:
                changed[name] = _followed(name, batch[name], geometry, matrix, ends)
        return changed

    def _texts(
        self,
        stream: int,
        augmentation: TextAugmentation,
        batch: Mapping[str, Tensor],
        targets: Collection[str],
    ) -> dict[str, Tensor]:
        inputs = {name: each for name, each in batch.items() if name not in targets}
        texts = {name: batch[name] for name in augmentation.texts(inputs)}
        lengths = [each.shape[1] for each in texts.values()]
        if augmentation.shifts:
            _check_no_tokens(augmentation, batch, targets, lengths)
        # A stream's numbers do not depend on how many numbers other streams have.
        draws = uniforms(self.seed, batch[PLACE], [*[0] * stream, sum(lengths)])[stream]
        each = zip(texts.items(), draws.split(lengths, 1), strict=True)
        return {name: augmentation(text, numbers) for (name, text), numbers in each}

    def _draws(self, place: Tensor) -> tuple[Tensor, ...]:
        counts = [each.draws for each in self.augmentations]
        if not place.is_cpu or not len(place):
            return uniforms(self.seed, place, counts)
        # Drawing for one batch takes as long as drawing for many consecutive ones.
        first, count = int(place[0]), len(place)
        block, start = divmod(first, BLOCK)
        if start + count > BLOCK or not torch.equal(place, torch.arange(first, first + count)):
            return uniforms(self.seed, place, counts)
        if block != self._block:
            self._block = block
            whole = torch.arange(block * BLOCK, (block + 1) * BLOCK)
            self._of_block = uniforms(self.seed, whole, counts)
        return tuple(numbers[start : start + count] for numbers in self._of_block)


def _check_no_tokens(
    augmentation: TextAugmentation,
    batch: Mapping[str, Tensor],
    targets: Collection[str],
    lengths: Sequence[int],
) -> None:
    for name in targets:
        values = batch[name]
        if values.dtype == torch.int64 and values.ndim == 2 and values.shape[1] in lengths:
            raise InputError(
                f"augmentations: {type(augmentation).__name__} moves tokens, but the target "
                f"'{name}' has an entry for each of {values.shape[1]} places, which would not "
                "follow; use multitask.augmentation.MaskTokens, which moves none"
            )


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
            f"data.geometry.{name} is missing, but an augmentation moves the content of images; "
            f"set how the target '{name}' follows, with multitask.geometry.Unchanged if it does not"
        )
    sides = [[torch.full_like(matrix[:, 0, 0], side) for side in size] for size in sizes]
    before, after = (torch.stack(each, 1) for each in sides)
    try:
        return followed(geometry[name], target, matrix, before, after)
    except InputError as error:
        raise InputError(f"data.geometry.{name}: {error}") from error
