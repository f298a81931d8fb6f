"""Any image model of the timm library."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.errors import InputError, nearest


class Timm(Encoder):
    """A timm model without its classifier.

    Args:
        name: timm's name of the model, such as ``resnet18`` or ``vit_small_patch16_224``.
        pretrained: start from timm's pretrained weights (downloaded once), for fine-tuning. A
            model read from a checkpoint gets its weights from there.
        in_channels: channels of the images; timm adapts pretrained weights to any number.
        options: further arguments of ``timm.create_model``, such as ``img_size``.
    """

    def __init__(
        self,
        name: str,
        pretrained: bool = False,
        in_channels: int = 3,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        settings = {"num_classes": 0, "in_chans": in_channels, **(options or {})}
        self.network = created(name, pretrained, settings)
        width: int = self.network.num_features  # type: ignore[assignment]
        self.out_features = getattr(self.network, "head_hidden_size", width)

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image)


def created(name: str, pretrained: bool, settings: dict[str, Any]) -> nn.Module:
    """Create a timm model.

    Args:
        name: timm's name of it.
        pretrained: whether to start from timm's pretrained weights.
        settings: further arguments of ``timm.create_model``.

    Raises:
        InputError: if there is no such model, or its weights cannot be downloaded.
    """
    # Importing it takes long, and runs with other encoders need not wait for it.
    import timm

    if not timm.is_model(name.split(".")[0]):
        raise InputError(f"timm has no model '{name}'{nearest(name, timm.list_models())}")
    try:
        return timm.create_model(name, pretrained=pretrained, **settings)
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        raise InputError(
            f"the pretrained weights of '{name}' could not be had ({error}); check the network "
            "or set pretrained to false"
        ) from error
