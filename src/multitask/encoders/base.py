"""The base class of encoders, which map inputs to one shared representation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from multitask.checkpoints.recipe import Recorded
from multitask.checkpoints.source import Source
from multitask.encoders.forms import Form, Vector
from multitask.errors import InputError
from multitask.missing_labels import is_missing


class Encoder(Recorded, nn.Module, ABC):
    """The part of the network that all tasks share.

    A subclass that returns a vector sets ``out_features`` in its constructor; one that returns
    maps or tokens overrides `form`.
    """

    inputs: Sequence[str] = ("image",)
    """Entries of the batch, in the order of `forward`'s arguments."""
    out_features: int
    """Size of the representation, if it is a vector."""
    source: Source | None = None
    """The file that its weights were loaded from, if any."""
    needs_statistics: bool = False
    """Whether it still has to learn statistics of its inputs."""
    takes_missing: bool = False
    """Whether it accepts samples that lack an input (`multitask.missing_labels.is_missing`)."""

    @property
    def form(self) -> Form:
        """The form of the representation: a vector of ``out_features`` by default.

        Raises:
            InputError: if the size is not known.
        """
        # Not a missing attribute, which torch.nn.Module would report as `form`.
        if "out_features" not in vars(self) and not hasattr(type(self), "out_features"):
            raise InputError(
                f"the encoder {type(self).__name__} has no out_features; set it in the "
                "constructor to the number of features that it returns"
            )
        return Vector(self.out_features)

    def stages(self) -> list[nn.Module]:
        """Modules whose composition is the encoder.

        The first receives the inputs. Sharing schemes that exchange features between networks do so
        between these modules; by default there is only one, the encoder itself. A module returns
        ``[batch, features]``, ``[batch, channels, height, width]`` or ``[batch, places,
        features]``, a list of these, or `multitask.encoders.stages.Unfinished`.
        """
        return [self]

    def stage_features(self) -> list[int]:
        """Number of features or channels that each of the `stages` returns, except the last.

        Sharing schemes with a weight for each channel need it; a subclass that overrides `stages`
        must also override this method to support them.
        """
        return []

    def depths(self) -> dict[str, int]:
        """Depth of each parameter in the network, as used by ``layer_decay``.

        Returns:
            Parameter name to the number of its layer, counted from 0 at the inputs; default: its
            index among the `stages`.
        """
        stages = self.stages()
        places: dict[int, int] = {}
        for place, stage in enumerate(stages):
            for parameter in stage.parameters():
                places.setdefault(id(parameter), place)
        top = len(stages) - 1
        return {name: places.get(id(each), top) for name, each in self.named_parameters()}

    def lacking(self, inputs: Sequence[Tensor]) -> Tensor:
        """Find the samples that lack all of the encoder's inputs.

        Args:
            inputs: inputs of a batch, as for `forward`.

        Returns:
            Shape ``[batch]``, bool.
        """
        found = is_missing(inputs[0])
        for each in inputs[1:]:
            found = found & is_missing(each)
        return found

    def check_inputs(self, inputs: Sequence[Tensor], setting: str) -> None:
        """Reject values that the encoder does not support, before training; default: none.

        Args:
            inputs: inputs of some samples, as they are in the data; for images, only the first.
            setting: key of the encoder in a configuration, such as ``model.encoder``.

        Raises:
            InputError: names the setting to change.
        """

    def learn_statistics(self, inputs: Sequence[Tensor]) -> None:
        """Learn statistics of the inputs before training, such as their means.

        It is called before training if `needs_statistics`, with the same samples on every process.
        Store the statistics in buffers, so that they are saved with the weights.

        Args:
            inputs: inputs of training samples, as they are in the data, at most about 100,000 of
                them.
        """

    def another(self) -> Encoder:
        """Build another encoder with the same settings but other random weights."""
        return type(self)(**self._arguments)

    @abstractmethod
    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Encode a batch.

        Args:
            inputs: the batch's entries that `inputs` names; an image has shape ``[batch, channels,
                height, width]``, floating.
            options: none; a subclass names its inputs.

        Returns:
            The shared representation, in the form of `form`: by default a tensor of shape ``[batch,
            out_features]``.
        """
