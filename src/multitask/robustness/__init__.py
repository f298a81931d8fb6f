"""Attacks on images, and how well a model withstands them."""

from multitask.robustness.attack import Attack
from multitask.robustness.pixel_bounds import PixelBounds

__all__ = ["Attack", "PixelBounds"]
