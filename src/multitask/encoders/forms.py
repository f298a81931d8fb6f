"""Forms of a representation: a vector, maps or tokens.

An encoder declares the form that it returns, and a sharing scheme the form that it passes on, so
that the heads after them can be built. A form is plain data without parameters; new forms are
subclasses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


class Form(ABC):
    """The form of a representation, and how to reduce it to one vector for each sample."""

    features: int
    """Number of features of a sample's vector."""

    @abstractmethod
    def vector(self, representation: Any) -> Tensor:
        """Reduce each sample to one vector, shape ``[batch, features]``."""

    @abstractmethod
    def misfit(self, representation: Any) -> str | None:
        """Compare a representation with the form.

        Args:
            representation: the output of an encoder.

        Returns:
            What is wrong and what is expected, as the end of a sentence whose subject is the
            encoder; None if it fits.
        """

    def before(self, head: nn.Module) -> nn.Module:
        """Adapt a head that takes vectors to a representation of this form.

        The reduction to a vector is part of the task-specific modules, after the point where the
        tasks' gradients are compared, so that tasks on vectors and tasks on maps are compared at
        the same tensors.

        Args:
            head: a head with input ``[batch, features]``.
        """
        return OnVector(self, head)


@dataclass(frozen=True)
class Vector(Form):
    """A vector for each sample: a tensor of shape ``[batch, features]``.

    Args:
        features: size of the vector.
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
                f"declares out_features = {self.features}, but returns features of shape {shape}; "
                f"set out_features to {shape[-1]}"
            )
        return None

    def before(self, head: nn.Module) -> nn.Module:
        # Not wrapped, so that the names of its weights do not change.
        return head


@dataclass(frozen=True)
class Maps(Form):
    """A list of feature maps, the finest first, each ``[batch, channels, height, width]``.

    The vector is the mean over the last map.

    Args:
        channels: channels of each map.
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
                f"declares that its maps have {list(self.channels)} channels, but they have "
                f"{channels}; set the form's channels to match"
            )
        return None


@dataclass(frozen=True)
class Tokens(Form):
    """A vector for each place of a sequence, and a mask of the places that hold a token.

    It is a list of ``[batch, places, features]``, floating, and ``[batch, places]``, bool. The
    vector is the mean over the places that hold a token.

    Args:
        features: features of each place.
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
                "[batch, places, features] and a mask of the places with a token [batch, places]"
            )
        values, is_token = (tuple(each.shape) for each in representation)
        if len(values) != 3 or values[2] != self.features or is_token != values[:2]:
            return (
                f"declares that it returns {self.features} features for each place, but returns "
                f"values of shape {values} and places of shape {is_token}; set the form's "
                "features to match"
            )
        return None


class OnVector(nn.Module):
    """A head for vectors, applied to a representation of another form.

    Args:
        form: reduces the representation to a vector.
        head: receives the vector.
    """

    def __init__(self, form: Form, head: nn.Module) -> None:
        super().__init__()
        self.form, self.head = form, head

    def forward(self, representation: Any) -> Any:
        """Reduce each sample to a vector and apply the head."""
        return self.head(self.form.vector(representation))


def _words(representation: Any) -> str:
    if isinstance(representation, Tensor):
        return f"a tensor of shape {tuple(representation.shape)}"
    if isinstance(representation, list | tuple):
        return f"a list of {len(representation)}"
    return f"a {type(representation).__name__}"
