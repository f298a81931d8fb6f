"""Random changes of training images and texts, drawn per sample; one file per augmentation."""

from multitask.augmentation.base import Augmentation
from multitask.augmentation.color_jitter import ColorJitter
from multitask.augmentation.drop_tokens import DropTokens
from multitask.augmentation.mask_tokens import MaskTokens
from multitask.augmentation.random_affine import RandomAffine
from multitask.augmentation.random_crop import RandomCrop
from multitask.augmentation.random_erasing import RandomErasing
from multitask.augmentation.random_flip import RandomHorizontalFlip, RandomVerticalFlip
from multitask.augmentation.random_resized_crop import RandomResizedCrop
from multitask.augmentation.sequence import AugmentationSequence

__all__ = [
    "Augmentation",
    "AugmentationSequence",
    "ColorJitter",
    "DropTokens",
    "MaskTokens",
    "RandomAffine",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
]
