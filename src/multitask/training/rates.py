"""Learning rates of the parts of a model, relative to the others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from torch import nn
from torch.optim import Optimizer

from multitask.encoders import Encoder
from multitask.errors import InputError, nearest

WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""Names that wrappers of modules insert into the names of parameters."""
NAME, MULTIPLIER = "name", "multiplier"
"""Keys of an optimizer's groups, if rates differ."""


class Rate(NamedTuple):
    """The multiplier of the optimizer's learning rate for a parameter, and its reason."""

    multiplier: float
    reason: str


class Rates:
    """Multipliers of the optimizer's learning rate, for parts of a model.

    Both arguments are combined by multiplication.

    Args:
        parts: multipliers by the name of a part, such as ``encoder`` or ``heads.digit``; the
            longest name that matches a parameter is used, and other parts have 1.
        layer_decay: the multiplier decreases by this factor from each layer of an encoder to the
            one below; it is applied once to the encoder's last layer (Bao et al., 2022, BEiT).

    Raises:
        InputError: if a number is invalid.
    """

    def __init__(
        self, parts: Mapping[str, float] | None = None, layer_decay: float | None = None
    ) -> None:
        self.parts, self.layer_decay = dict(parts or {}), layer_decay
        for part, value in self.parts.items():
            if not _is_number(value) or not 0 < value < math.inf:
                frozen = "; to train without it, freeze it with multitask.callbacks.Unfreezing"
                raise InputError(
                    f"model.rates: {part} is {value!r}; give a number above 0"
                    f"{frozen if value == 0 else ''}"
                )
        if layer_decay is not None and not (_is_number(layer_decay) and 0 < layer_decay <= 1):
            raise InputError(
                f"model.layer_decay is {layer_decay!r}; give a number above 0 and at most 1"
            )

    @property
    def settings(self) -> str:
        """The settings that make rates differ, for messages."""
        given = {"model.rates": self.parts, "model.layer_decay": self.layer_decay}
        return " and ".join(name for name, value in given.items() if value)

    def of(self, model: nn.Module, names: Iterable[str]) -> dict[str, Rate]:
        """Find the rates of a model's parameters.

        Args:
            model: the model.
            names: names of the parameters that its optimizer updates.

        Returns:
            Rates by the names of parameters.

        Raises:
            InputError: if a name in `parts` is not part of the model or matches no parameter, or an
                encoder has no layers.
        """
        plain = {name: _plain(name) for name in names}
        chosen = {name: _longest(each, self.parts) for name, each in plain.items()}
        for part in self.parts:
            if part not in chosen.values():
                raise InputError(f"model.rates: {_useless(part, model, plain.values())}")
        layers = {} if self.layer_decay is None else _layers(model)
        found = {}
        for name, own in chosen.items():
            multiplier = 1.0 if own is None else self.parts[own]
            reasons = [] if own is None else [own]
            if name in layers:
                layer, height = layers[name]
                multiplier *= self.layer_decay**height  # type: ignore[operator]
                reasons.append(f"layer_{layer}")
            if not 0 < multiplier < math.inf:
                raise InputError(
                    f"{self.settings}: the rate of '{plain[name]}' would be multiplied by "
                    f"{multiplier}; give numbers closer to 1"
                )
            found[name] = Rate(multiplier, ".".join(reasons))
        return found


def rates_of(optimizer: Optimizer) -> dict[str, float]:
    """The learning rates of an optimizer's groups, as they are logged.

    Args:
        optimizer: the optimizer.

    Returns:
        ``learning_rate`` for parts without a multiplier, and ``learning_rate/<name>`` for the
        others.
    """
    first, *_ = groups = optimizer.param_groups
    plain = next((group["lr"] for group in groups if group.get(MULTIPLIER, 1) == 1), None)
    rates = {"learning_rate": first["lr"] / first[MULTIPLIER] if plain is None else plain}
    for group in groups:
        if group.get(MULTIPLIER, 1) != 1:
            rates[f"learning_rate/{group[NAME]}"] = group["lr"]
    return {name: float(rate) for name, rate in rates.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(name: str) -> str:
    return ".".join(each for each in name.split(".") if each not in WRAPPERS)


def _longest(name: str, parts: Iterable[str]) -> str | None:
    fitting = [part for part in parts if f"{name}.".startswith(f"{part}.")]
    return max(fitting, key=len, default=None)


def _useless(part: str, model: nn.Module, names: Iterable[str]) -> str:
    """Why a part matches no parameter."""
    names = list(names)
    if any(f"{name}.".startswith(f"{part}.") for name in names):
        return f"'{part}' has no effect, since other entries cover all of it; remove it"
    words = [name.split(".") for name in names]
    known = {".".join(each[:size]) for each in words for size in range(1, len(each) + 1)}
    everything = (*model.named_modules(), *model.named_parameters())
    if part and part in {_plain(name) for name, _ in everything}:
        return f"'{part}' has no parameter that the optimizer updates; remove it"
    near = nearest(part, known)
    return f"the model has no part '{part}'{near or nearest(part, {each[0] for each in words})}"


def _layers(model: nn.Module) -> dict[str, tuple[int, int]]:
    """The layer of each parameter of an encoder, from the inputs, and its height from the heads."""
    found: dict[str, tuple[int, int]] = {}
    within: str | None = None
    for prefix, module in model.named_modules():
        is_inner = within is not None and prefix.startswith(f"{within}.")
        if is_inner or not isinstance(module, Encoder):
            continue
        within, depths = prefix, module.depths()
        names = [name for name, _ in module.named_parameters()]
        if missing := [name for name in names if name not in depths]:
            raise InputError(
                "layer_decay: this encoder's depths() does not include its parameter "
                f"'{missing[0]}'"
            )
        if len({depths[name] for name in names}) < 2:
            raise InputError("layer_decay: this encoder has only one depth; use rates")
        end = max(depths[name] for name in names) + 1
        found |= {f"{prefix}.{name}": (depths[name], end - depths[name]) for name in names}
    return found
