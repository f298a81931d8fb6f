"""What a representation looks like: a vector, maps or tokens.

An encoder says which form it gives, and a sharing scheme which form it hands on, so that the heads
behind them can be built. A form is plain data without parameters; another form is a subclass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


class Form(ABC):
    """The look of a representation, and how it becomes one vector for each sample."""

    features: int
    """Number of features of the vector that a sample becomes."""

    @abstractmethod
    def vector(self, representation: Any) -> Tensor:
        """Make one vector of each sample, shape ``[batch, features]``."""

    @abstractmethod
    def misfit(self, representation: Any) -> str | None:
        """Compare a representation with the form.

        Args:
            representation: what an encoder returned.

        Returns:
            What is wrong, as the end of a sentence whose subject is the encoder, and what would be
            right; None if it fits.
        """

    def before(self, head: nn.Module) -> nn.Module:
        """Put a head that takes vectors behind a representation of this form.

        The vector is made by each task's own part of the model, behind the point where the tasks'
        gradients are compared, so that tasks of vectors and of maps are compared at the same
        tensors.

        Args:
            head: takes ``[batch, features]``.
        """
        return OnVector(self, head)


@dataclass(frozen=True)
class Vector(Form):
    """A vector for each sample: a tensor of shape ``[batch, features]``.

    Args:
        features: its size.
    """

    features: int

    def vector(self, representation: Tensor) -> Tensor:
        return representation

    def misfit(self, representation: Any) -> str | None:
        if not isinstance(representation, Tensor):
            return (
                f"returns {_words(representation)}, but its form is a vector of {self.features} "
                "features; override form, as multitask.encoders.TimmMaps does"
            )
        shape = tuple(representation.shape)
        if len(shape) > 2:
            return (
                f"returns a tensor of shape {shape}, but its form is a vector; pool it to "
                "[batch, features], or return a list of maps and override form with "
                "multitask.encoders.Maps"
            )
        if shape[-1] != self.features:
            return (
                f"says out_features = {self.features}, but returns features of shape {shape}; set "
                f"out_features to {shape[-1]}"
            )
        return None

    def before(self, head: nn.Module) -> nn.Module:
        # Not wrapped, so that the names of its weights stay.
        return head


@dataclass(frozen=True)
class Maps(Form):
    """A list of feature maps, the finest first, each ``[batch, channels, height, width]``.

    The vector is the mean over the last map.

    Args:
        channels: of each map.
        strides: pixels of the image on one side of each map's pixel.
    """

    channels: Sequence[int]
    strides: Sequence[int]

    @property
    def features(self) -> int:  # type: ignore[override]
        """Channels of the last map."""
        return self.channels[-1]

    def vector(self, representation: Sequence[Tensor]) -> Tensor:
        return representation[-1].mean((2, 3))

    def misfit(self, representation: Any) -> str | None:
        are_maps = isinstance(representation, list | tuple) and all(
            isinstance(each, Tensor) and each.ndim == 4 for each in representation
        )
        if not are_maps:
            return (
                f"returns {_words(representation)}, but its form is a list of maps, each of shape "
                "[batch, channels, height, width]"
            )
        channels = [each.shape[1] for each in representation]
        if channels != list(self.channels):
            return (
                f"says that its maps have {list(self.channels)} channels, but they have "
                f"{channels}; set the form's channels to that"
            )
        return None


@dataclass(frozen=True)
class Tokens(Form):
    """A vector for each place of a sequence, and which places hold a token.

    A list of ``[batch, places, features]``, floating, and ``[batch, places]``, bool. The vector is
    the mean over the places that hold a token.

    Args:
        features: of each place.
    """

    features: int

    def vector(self, representation: Sequence[Tensor]) -> Tensor:
        values, is_token = representation
        weights = is_token.unsqueeze(2).to(values.dtype)
        return (values * weights).sum(1) / weights.sum(1).clamp_min(1)

    def misfit(self, representation: Any) -> str | None:
        if not isinstance(representation, list | tuple) or len(representation) != 2:
            return (
                f"returns {_words(representation)}, but its form is a list of values "
                "[batch, places, features] and of which places hold a token [batch, places]"
            )
        values, is_token = (tuple(each.shape) for each in representation)
        if len(values) != 3 or values[2] != self.features or is_token != values[:2]:
            return (
                f"says that it returns {self.features} features for each place, but returns "
                f"values of shape {values} and places of shape {is_token}; set the form's "
                "features to fit"
            )
        return None


class OnVector(nn.Module):
    """A head of vectors behind a representation of another form.

    Args:
        form: makes the vector.
        head: takes it.
    """

    def __init__(self, form: Form, head: nn.Module) -> None:
        super().__init__()
        self.form, self.head = form, head

    def forward(self, representation: Any) -> Any:
        """Make a vector of each sample, and the head's outputs of it."""
        return self.head(self.form.vector(representation))


def _words(representation: Any) -> str:
    if isinstance(representation, Tensor):
        return f"a tensor of shape {tuple(representation.shape)}"
    if isinstance(representation, list | tuple):
        return f"a list of {len(representation)}"
    return f"a {type(representation).__name__}"
