"""Attacks on images, and the robustness of models against them."""

from multitask.robustness.attack import Attack
from multitask.robustness.pixel_bounds import PixelBounds

__all__ = ["Attack", "PixelBounds"]
