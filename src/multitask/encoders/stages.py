"""What runs between the stages of an encoder, and stages that are parts of another network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn

from multitask.encoders.chain import Part


class Unfinished(NamedTuple):
    """What a stage hands to the next, beside maps that the encoder will return.

    Attributes:
        value: what the next stage works on, and sharing schemes mix.
        maps: the maps before it, the finest first, which stay as they are.
    """

    value: Tensor
    maps: list[Tensor]


def feature_axis(values: Tensor) -> int:
    """The axis of the features of what a stage returns: the last of tokens, else the second.

    Args:
        values: ``[batch, features]``, ``[batch, channels, height, width]`` or
            ``[batch, places, features]``.
    """
    return 2 if values.ndim == 3 else 1


@dataclass(frozen=True)
class Plan:
    """A stage as a run of parts of a network, see `multitask.encoders.chain`.

    Args:
        parts: their names.
        features: number of features that the last one gives.
        channels_last: whether it gives them as ``[batch, height, width, channels]``.
        is_returned: whether the network returns what it gives.
    """

    parts: Sequence[str]
    features: int
    channels_last: bool
    is_returned: bool


def planned(parts: Sequence[Part], channels: Mapping[str, int], channels_last: bool) -> list[Plan]:
    """Divide a chain into stages.

    Args:
        parts: of the chain; none if the network does not run as one.
        channels: how many channels a part gives after which a stage ends, by the part's name. What
            follows the last of them belongs to the last stage.
        channels_last: whether a map whose sides are equal to its channels has these last.

    Returns:
        The stages; none if there would be one only.
    """
    ends = [place for place, each in enumerate(parts) if each.name in channels]
    if len(ends) < 2:
        return []
    ends[-1] = len(parts) - 1
    plans = []
    for first, last in zip([-1, *ends], ends, strict=False):
        end, names = parts[last], [each.name for each in parts[first + 1 : last + 1]]
        wanted = channels.get(end.name)
        fits = [len(end.shape) == 4 and end.shape[axis] == wanted for axis in (1, 3)]
        is_last = fits[1] and (channels_last or not fits[0])
        size = end.shape[-1 if is_last or len(end.shape) == 3 else 1]
        plans.append(Plan(names, size, is_last, end.is_returned))
    return plans


class Method(nn.Module):
    """A network's method, as a module without parameters.

    Args:
        network: stays another's child.
        name: of the method.
    """

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self.network, self.name = (network,), name

    def forward(self, values: Any) -> Any:
        """Call the method."""
        return getattr(self.network[0], self.name)(values)


def module_of(network: nn.Module, name: str) -> nn.Module:
    """The part of a network that `chain` has named.

    Args:
        network: the network.
        name: of the part.
    """
    is_module = name.partition(".")[0] in network._modules
    return network.get_submodule(name) if is_module else Method(network, name)


class Layout(nn.Module):
    """Moves an axis; without parameters.

    Args:
        source: its place.
        target: its new place.
    """

    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        self.source, self.target = source, target

    def forward(self, values: Tensor) -> Tensor:
        """Return the values with the axis at its new place."""
        return values.movedim(self.source, self.target)


def built(network: nn.Module, before: nn.Module, plans: Sequence[Plan]) -> list[nn.Sequential]:
    """The stages of a network as modules that share its parameters.

    Args:
        network: the network.
        before: what its inputs pass first.
        plans: its stages.

    Returns:
        One for each plan; they take and give channels in the second axis.
    """
    found = []
    for place, plan in enumerate(plans):
        is_moved = place > 0 and plans[place - 1].channels_last
        parts = [before] if place == 0 else [Layout(1, 3)] if is_moved else []
        parts += [module_of(network, name) for name in plan.parts]
        found.append(nn.Sequential(*parts, *([Layout(3, 1)] if plan.channels_last else [])))
    return found


class MapStage(nn.Module):
    """A stage of an encoder that returns a list of maps.

    Args:
        stage: takes and gives one tensor.
        keeps: whether what it takes is one of the maps.
        is_last: whether what it gives is the last one.
    """

    def __init__(self, stage: nn.Module, keeps: bool, is_last: bool) -> None:
        super().__init__()
        self.stage, self.keeps, self.is_last = stage, keeps, is_last

    def forward(self, taken: Any) -> Unfinished | list[Tensor]:
        """Run on an image, or on what the stage before returned."""
        value, maps = taken if isinstance(taken, Unfinished) else (taken, [])
        maps = [*maps, value] if self.keeps else maps
        found = self.stage(value)
        return [*maps, found] if self.is_last else Unfinished(found, maps)
