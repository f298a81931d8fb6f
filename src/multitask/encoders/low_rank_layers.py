"""Layers that learn low-rank updates of their weights."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from multitask.errors import InputError, nearest
from multitask.pages.words import listed

KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


class Change(nn.Module):
    """A low-rank matrix, ``factor * up @ down``, which is initially zero.

    Args:
        weight: weight of the layer to update; its first axis are the matrix's rows.
        rank: rank of the matrix.
        factor: factor on the matrix.
        is_turned: whether the weight's second axis are the rows instead.
    """

    def __init__(self, weight: Tensor, rank: int, factor: float, is_turned: bool = False) -> None:
        super().__init__()
        rows, columns = len(weight), weight[0].numel()
        if is_turned:
            rows, columns = columns, rows
        self.factor, self.is_turned = factor, is_turned
        self.up = nn.Parameter(weight.new_zeros(rows, rank))
        self.down = nn.Parameter((torch.randn(rank, columns) / columns**0.5).to(weight))

    def forward(self) -> Tensor:
        """Compute the matrix, shape ``[rows, columns]``, or transposed like the weight."""
        found = self.factor * (self.up @ self.down)
        return found.T if self.is_turned else found


class Changed:
    """A layer whose weight is its stored weight plus its updates.

    Only the class of a layer is replaced, so its parameters keep their names, and everything that
    reads its weight sees the updates, such as the fused attention of ``torch.nn``.
    """

    original: Any
    changes: nn.ModuleList
    _parameters: dict[str, Any]

    @property
    def weight(self) -> Tensor:
        """The effective weight, of the shape of the stored one."""
        found: Tensor = self._parameters["weight"]
        if isinstance(found, DTensor):
            # Between passes, when FSDP2 looks up its shards.
            return found
        for change in self.changes:
            found = found + change().view_as(found)
        return found

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # By its original class, since pickle cannot find classes that are created at run time.
        return _blank, (self.original,), self.__dict__


def add_changes(
    network: nn.Module, rank: int, layers: Sequence[str] | None = None, factor: float = 1.0
) -> None:
    """Add trainable low-rank updates to layers of a network, also to those that have some.

    Args:
        network: any network; linear and convolution layers can be updated.
        rank: rank of the updates.
        layers: the layers to update, see `multitask.encoders.LowRank`.
        factor: factor on the updates.

    Raises:
        InputError: if a layer cannot be updated, or none is selected.
    """
    chosen = _chosen(network, rank, layers)
    seen: dict[int, str] = {}
    for name, layer in chosen.items():
        weight = layer._parameters["weight"]
        assert weight is not None
        if (other := seen.setdefault(id(weight), name)) != name:
            raise InputError(
                f"the layers '{other}' and '{name}' share one weight, which cannot change in two "
                "ways; list the other layers in layers"
            )
        if not _is_changed(layer):
            layer.changes = nn.ModuleList()
            kind: Any = type(layer)
            layer.__class__ = _changed(kind)
        changes: Any = layer.changes
        changes.append(Change(weight.detach(), rank, factor, isinstance(layer, _turned_kinds())))


def changed_layers(network: nn.Module) -> dict[str, nn.Module]:
    """The layers of a network that have updates, by name."""
    return {name: each for name, each in network.named_modules() if _is_changed(each)}


def merge_changes(network: nn.Module) -> None:
    """Add a network's updates to its weights, which leaves its outputs unchanged.

    Its layers get their original classes back, and their weights keep their names.

    Args:
        network: any network; one without updates stays unchanged.
    """
    for layer in changed_layers(network).values():
        kept: Any = layer
        own = layer._parameters["weight"]
        assert own is not None
        merged = nn.Parameter(kept.weight.detach().clone(), own.requires_grad)
        del layer.changes
        layer.__class__ = kept.original
        layer._parameters["weight"] = merged


def _chosen(network: nn.Module, rank: int, names: Sequence[str] | None) -> dict[str, nn.Module]:
    layers = dict(_layers(network))
    most = {name: _most(layer) for name, layer in layers.items()}
    if names is None:
        found = {name: each for name, each in layers.items() if rank <= most[name]}
        if not found:
            raise InputError(
                f"rank is {rank}, so a change of any layer would have at least as many numbers as "
                f"the layer; give at most {max(most.values())}"
                if max(most.values(), default=0)
                else "the network has no linear or convolution layer to change"
            )
        return found
    if not names:
        raise InputError("layers is empty; list layers, or remove it to change all")
    found = {}
    for name in names:
        fitting = [each for each in layers if f".{name}." in f".{each}."]
        if not name or not fitting:
            hint = nearest(name, _names(layers)) or f"; its layers are {listed(layers, 8)}"
            raise InputError(f"layers: no linear or convolution layer matches '{name}'{hint}")
        for each in fitting:
            if rank > most[each]:
                raise InputError(
                    f"rank is {rank}, so the change of '{each}' would have at least as many "
                    f"numbers as the layer; give at most {most[each]}, or list other layers"
                )
            found[each] = layers[each]
    return found


def _names(layers: Iterable[str]) -> list[str]:
    """All strings that match a layer as the beginning or end of its name."""
    words = [name.split(".") for name in layers]
    parts = [(each[:place], each[place:]) for each in words for place in range(len(each) + 1)]
    return list(dict.fromkeys(".".join(each) for pair in parts for each in pair if each))


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The layers that can be updated; not those whose weight is computed."""
    for name, each in network.named_modules():
        weight = each._parameters.get("weight")
        can_change = isinstance(each, KINDS + _turned_kinds())
        if can_change and weight is not None and weight.is_floating_point():
            yield name, each


def _turned_kinds() -> tuple[type[nn.Module], ...]:
    """Linear layers whose weight is ``[in, out]``: those of GPT-2 in Hugging Face's library."""
    # If there is such a layer, the library has been imported already; the import is slow.
    library = sys.modules.get("transformers.pytorch_utils")
    return () if library is None else (library.Conv1D,)


def _most(layer: nn.Module) -> int:
    """The highest rank for which an update has fewer parameters than the layer's weight."""
    weight: Any = layer._parameters["weight"]
    rows, columns = len(weight), weight[0].numel()
    return (rows * columns - 1) // (rows + columns)


def _is_changed(layer: nn.Module) -> bool:
    return isinstance(layer, Changed)


@cache
def _changed(original: Any) -> Any:
    members = {"original": original, "__module__": __name__}
    return type(f"Changed{original.__name__}", (Changed, original), members)


def _blank(original: Any) -> nn.Module:
    made = _changed(original)
    blank: nn.Module = made.__new__(made)
    return blank
