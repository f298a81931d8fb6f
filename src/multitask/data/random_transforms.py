"""Detection of random torchvision transforms."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from torchvision.transforms import v2

from multitask.errors import InputError

NO_PARAMETERS = v2.Transform.make_params
RANDOM = (
    "Random",
    "ColorJitter",
    "ElasticTransform",
    "AutoAugment",
    "RandAugment",
    "TrivialAugment",
    "AugMix",
)


def refuse_random(transforms: Sequence[nn.Module]) -> None:
    """Refuse transforms that draw random numbers, which a whole batch would share.

    Args:
        transforms: transforms of whole batches of images.

    Raises:
        InputError: naming the transform.
    """
    for transform in transforms:
        name = type(transform).__name__
        refuse_random([each for each in _parts(transform) if each is not transform])
        if _is_random(transform):
            raise InputError(
                f"transforms: {name} would draw the same random parameters for every image of a "
                "batch; use transforms without randomness, and augmentations for randomness, such "
                "as multitask.augmentation.RandomCrop"
            )


def _parts(transform: nn.Module) -> list[nn.Module]:
    return [*transform.children(), *getattr(transform, "transforms", ())]


def _is_random(transform: nn.Module) -> bool:
    if isinstance(transform, v2.Transform) and type(transform).make_params is not NO_PARAMETERS:
        return True
    return type(transform).__name__.startswith(RANDOM)
