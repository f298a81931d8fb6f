"""Texts, numbers and several inputs, all made of the small images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from multitask.encoders import Columns, Encoder, Form, Several, TextConvNet, TextTransformer
from multitask.sharing import HardSharing

END = -1


class OfImage(Encoder):
    """Gives an encoder of other inputs what it takes.

    Args:
        encoder: of ``image``, ``text`` and ``numbers``, or of some of them.
    """

    takes_missing = True
    checkpointed = False
    """Whether activations are computed again in the backward pass."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    @property
    def form(self) -> Form:
        return self.encoder.form

    def forward(self, image: Tensor) -> Tensor | list[Tensor]:
        if self.checkpointed:
            checkpoint: Any = torch.utils.checkpoint.checkpoint
            return checkpoint(self._encoded, image, use_reentrant=False)
        return self._encoded(image)

    def _encoded(self, image: Tensor) -> Tensor | list[Tensor]:
        pixels = image.flatten(1)
        # Of 1 to 8 places; a tenth of the texts are missing, of the rows, and of their cells.
        length = 1 + (pixels[:, :1] * 8)
        length = torch.where(pixels[:, 1:2] < 0.1, 1, length)
        places = torch.arange(8, device=image.device)
        tokens = torch.where(places == 0, 0, 3 + (pixels[:, :8] * 7).int())
        text = torch.where(places < length, tokens, END).int()
        numbers = torch.cat([pixels[:, 8:10], (pixels[:, 10:11] * 3).floor()], 1)
        numbers = torch.where(
            (pixels[:, 11:14] < 0.1) | (pixels[:, 14:15] < 0.1), torch.nan, numbers
        )
        given = {"image": image, "text": text, "numbers": numbers}
        found: Tensor | list[Tensor] = self.encoder(*(given[name] for name in self.encoder.inputs))
        return found


class _OnOther(HardSharing):
    def __init__(self, form: Form, tasks: list[str]) -> None:
        # The same weights in each training, whatever was drawn before.
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.made = (OfImage(self.encoder()),)
        super().__init__(self.made[0].form, tasks)

    def encoder(self) -> Encoder:
        raise NotImplementedError

    def trunk(self, encoder: Encoder) -> nn.Module:
        (made,) = self.made
        if hasattr(encoder, "_orig_mod") or encoder._compiled_call_impl is not None:
            made.compile(backend="aot_eager")
        made.checkpointed = getattr(encoder, "checkpointed", False)
        return made


class OnText(_OnOther):
    """Hard sharing of tokens."""

    def encoder(self) -> Encoder:
        return TextTransformer(10, 8, 6, layers=1, heads=2, dropout=0)


class OnSeveral(_OnOther):
    """Hard sharing of what several inputs are joined to, some of which are taken away at random."""

    def encoder(self) -> Encoder:
        columns = Columns([1, 1, 3], [4], 5, embedding=2)
        columns.learn_statistics([torch.rand(9, 3)])
        image = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.BatchNorm1d(4), nn.Tanh())
        text = TextConvNet(10, 4, [3], dropout=0)
        return Several({"image": Pixels(image), "text": text, "numbers": columns}, 6, drop=0.3)


class Pixels(Encoder):
    """A network over an image.

    Args:
        network: gives 4 features.
    """

    out_features = 4

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        found: Tensor = self.network(image)
        return found
