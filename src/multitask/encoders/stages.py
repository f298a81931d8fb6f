"""Data passed between the stages of an encoder, and stages made of a network's parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn

from multitask.encoders.chain import Part


class Unfinished(NamedTuple):
    """The output of a stage that is not the last, with maps that the encoder will return.

    Attributes:
        value: input of the next stage, which sharing schemes mix.
        maps: the earlier maps, the finest first, which stay unchanged.
    """

    value: Tensor
    maps: list[Tensor]


def feature_axis(values: Tensor) -> int:
    """The axis of the features of a stage's output: the last for tokens, otherwise the second.

    Args:
        values: ``[batch, features]``, ``[batch, channels, height, width]`` or
            ``[batch, places, features]``.
    """
    return 2 if values.ndim == 3 else 1


@dataclass(frozen=True)
class Plan:
    """A stage as a sequence of parts of a network, see `multitask.encoders.chain`.

    Args:
        parts: names of the parts.
        features: number of features that the last part returns.
        channels_last: whether the last part returns them as ``[batch, height, width, channels]``.
        is_returned: whether the network returns its output.
    """

    parts: Sequence[str]
    features: int
    channels_last: bool
    is_returned: bool


def planned(parts: Sequence[Part], channels: Mapping[str, int], channels_last: bool) -> list[Plan]:
    """Divide a chain into stages.

    Args:
        parts: parts of the chain; none if the network does not run as a chain.
        channels: name of a part that ends a stage to the number of channels that it returns. The
            parts after the last of these belong to the last stage.
        channels_last: whether a map with as many rows as channels has its channels last.

    Returns:
        The stages; none if there would be only one.
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
        network: the network, which remains a child of another module.
        name: name of the method.
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
        name: name of the part.
    """
    is_module = name.partition(".")[0] in network._modules
    return network.get_submodule(name) if is_module else Method(network, name)


class Layout(nn.Module):
    """Moves an axis; has no parameters.

    Args:
        source: position of the axis.
        target: new position of the axis.
    """

    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        self.source, self.target = source, target

    def forward(self, values: Tensor) -> Tensor:
        """Return the values with the axis at its new position."""
        return values.movedim(self.source, self.target)


def built(network: nn.Module, before: nn.Module, plans: Sequence[Plan]) -> list[nn.Sequential]:
    """Build the stages of a network as modules that share its parameters.

    Args:
        network: the network.
        before: module that is applied to the inputs first.
        plans: plans of its stages.

    Returns:
        One module for each plan, with channels in the second axis of its input and output.
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
        stage: maps one tensor to another.
        keeps: whether its input is one of the maps.
        is_last: whether its output is the last map.
    """

    def __init__(self, stage: nn.Module, keeps: bool, is_last: bool) -> None:
        super().__init__()
        self.stage, self.keeps, self.is_last = stage, keeps, is_last

    def forward(self, taken: Any) -> Unfinished | list[Tensor]:
        """Run on an image, or on the output of the previous stage."""
        value, maps = taken if isinstance(taken, Unfinished) else (taken, [])
        maps = [*maps, value] if self.keeps else maps
        found = self.stage(value)
        return [*maps, found] if self.is_last else Unfinished(found, maps)
