"""ColorJitter: against torchvision, one image at a time."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms.v2 import functional

from multitask.augmentation import ColorJitter
from multitask.errors import InputError


def factor(draw: float, spread: float) -> float:
    low = max(0.0, 1 - spread)
    return low + (1 + spread - low) * draw


@pytest.mark.parametrize(
    "spreads", [(0.4, 0, 0), (0, 0.4, 0), (0, 0, 0.4), (0.3, 1.5, 0.8)], ids=str
)
def test_each_image_is_adjusted_as_torchvision_does(spreads: tuple[float, float, float]) -> None:
    images, draws = torch.rand(20, 3, 6, 7), torch.rand(20, 3)
    found = ColorJitter(*spreads)(images, draws)
    steps = (
        functional.adjust_brightness,
        functional.adjust_contrast,
        functional.adjust_saturation,
    )
    for place, image in enumerate(images):
        for adjust, draw, spread in zip(steps, draws[place].tolist(), spreads, strict=True):
            image = adjust(image, factor(draw, spread))
        torch.testing.assert_close(found[place], image, atol=1e-4, rtol=0)


def test_grey_images_have_a_brightness_and_a_contrast() -> None:
    image = torch.tensor([0.2, 0.4]).view(1, 1, 1, 2)
    found = ColorJitter(0.5, 0.5)(image, torch.tensor([[1.0, 0.0, 0.0]]))
    # Times 1.5, then half as far from the mean.
    torch.testing.assert_close(found.flatten(), torch.tensor([0.375, 0.525]))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="contrast is -1; give 0 or more"):
        ColorJitter(contrast=-1)
    with pytest.raises(InputError, match="saturation is 0.5, .*needs 3 .*images have 1; remove"):
        ColorJitter(saturation=0.5)(torch.rand(2, 1, 3, 3), torch.rand(2, 3))
