"""What every encoder is: inputs in, one shared representation out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from multitask.checkpoints.recipe import Recorded
from multitask.checkpoints.source import Source
from multitask.encoders.forms import Form, Vector
from multitask.errors import InputError
from multitask.labels import is_missing


class Encoder(Recorded, nn.Module, ABC):
    """The part of the network that all tasks share.

    A subclass that returns a vector sets ``out_features`` in its constructor; one that returns
    maps or tokens overrides `form`.
    """

    inputs: Sequence[str] = ("image",)
    """Entries of the batch, in the order of `forward`'s arguments."""
    out_features: int
    """Size of the representation, if that is a vector."""
    source: Source | None = None
    """The file whose weights it was given when it was made, if any."""
    needs_statistics: bool = False
    """Whether it has statistics of its inputs to learn, and has not learnt them yet."""
    takes_missing: bool = False
    """Whether it takes samples of which an input is missing, see `multitask.labels.is_missing`."""

    @property
    def form(self) -> Form:
        """What the representation looks like: a vector of ``out_features`` by default.

        Raises:
            InputError: if the size is not known.
        """
        # Not an attribute that may be missing, for which torch.nn.Module would report `form`.
        if "out_features" not in vars(self) and not hasattr(type(self), "out_features"):
            raise InputError(
                f"the encoder {type(self).__name__} has no out_features; set it in the "
                "constructor to the number of features that it returns"
            )
        return Vector(self.out_features)

    def stages(self) -> list[nn.Module]:
        """Parts that give the representation when they run one after the other.

        The first takes the inputs. Sharing schemes that exchange features between networks do so
        between these parts; there is one part, the encoder itself, by default. What a part gives
        is ``[batch, features]``, ``[batch, channels, height, width]`` or ``[batch, places,
        features]``, a list of these, or `multitask.encoders.stages.Unfinished`.
        """
        return [self]

    def stage_features(self) -> list[int]:
        """Number of features or channels that each of the `stages` gives but the last.

        Sharing schemes with a weight for each channel ask for it; a subclass that overrides
        `stages` overrides it too, to work with them.
        """
        return []

    def depths(self) -> dict[str, int]:
        """How far from the inputs each parameter is: what ``layer_decay`` counts.

        Returns:
            The number of each parameter's layer by the parameter's name, counted from 0 at the
            inputs; by default the place among the `stages`.
        """
        stages = self.stages()
        places: dict[int, int] = {}
        for place, stage in enumerate(stages):
            for parameter in stage.parameters():
                places.setdefault(id(parameter), place)
        top = len(stages) - 1
        return {name: places.get(id(each), top) for name, each in self.named_parameters()}

    def lacking(self, inputs: Sequence[Tensor]) -> Tensor:
        """Which samples lack all of the encoder's inputs.

        Args:
            inputs: of a batch, as `forward` takes them.

        Returns:
            Shape ``[batch]``, bool.
        """
        found = is_missing(inputs[0])
        for each in inputs[1:]:
            found = found & is_missing(each)
        return found

    def check_inputs(self, inputs: Sequence[Tensor], setting: str) -> None:
        """Refuse values that the encoder cannot take, before training; by default nothing.

        Args:
            inputs: some samples', as the data have them; of images the first alone.
            setting: where a configuration has the encoder, such as ``model.encoder``.

        Raises:
            InputError: with the setting to change.
        """

    def learn_statistics(self, inputs: Sequence[Tensor]) -> None:
        """Learn what must be known of the inputs before training, such as their means.

        Called before a training if `needs_statistics`, with the same samples on every process. What
        is learnt belongs in buffers, so that it travels with the weights.

        Args:
            inputs: training samples', as the data have them, at most some 100,000 of them.
        """

    def another(self) -> Encoder:
        """Build another encoder with the same settings; random weights differ."""
        return type(self)(**self._arguments)

    @abstractmethod
    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Encode a batch.

        Args:
            inputs: the batch's entries that `inputs` names; an image has shape
                ``[batch, channels, height, width]``, floating.
            options: none; a subclass names its inputs.

        Returns:
            The shared representation, of the form `form`: by default a tensor of shape
            ``[batch, out_features]``.
        """
