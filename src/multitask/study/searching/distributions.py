"""The distributions of a W&B sweep file, by their names there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NoReturn

from multitask.configuration.settings import Setting
from multitask.errors import InputError, nearest
from multitask.study.searching.parameters import Normal, Parameter, Real, Values, Whole

CHOICES = ("constant", "categorical", "categorical_w_probabilities")
RANGES = (
    "int_uniform",
    "uniform",
    "q_uniform",
    "log_uniform",
    "q_log_uniform",
    "inv_log_uniform",
    "log_uniform_values",
    "q_log_uniform_values",
    "inv_log_uniform_values",
)
NORMALS = ("normal", "q_normal", "log_normal", "q_log_normal")
TAKEN = {
    "constant": ("value",),
    "categorical": ("values",),
    "categorical_w_probabilities": ("values", "probabilities"),
    **dict.fromkeys(RANGES, ("min", "max")),
    **dict.fromkeys(NORMALS, ("mu", "sigma")),
}
"""Keys of each distribution; those whose name begins with ``q`` also accept ``q``."""


def read_parameters(setting: Setting, prefix: str = "") -> dict[str, Parameter]:
    """Read the parameters that a sweep searches over; nested parameters get dotted names.

    Args:
        setting: the mapping below ``parameters``.
        prefix: prefix of the names.

    Raises:
        InputError: with the file and line, and what would be valid.
    """
    found: dict[str, Parameter] = {}
    for name, each in setting.entries.items():
        if not each.entries:
            refuse(each, f"{prefix}{name} is empty; give value, values, or min and max")
        if "parameters" in each.entries:
            found |= read_parameters(each.entries["parameters"], f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = _parameter(each, f"{prefix}{name}")
    return found


def refuse(setting: Setting, sentence: str) -> NoReturn:
    """Raise `InputError` with the location of a setting."""
    raise InputError(f"{setting.place}: {sentence}")


def _parameter(setting: Setting, name: str) -> Parameter:
    given = {key: each.plain() for key, each in setting.entries.items()}
    kind = given.pop("distribution", None) or _kind(given)
    if kind not in TAKEN:
        near = nearest(str(kind), TAKEN)
        refuse(setting, f"{name}: the distribution '{kind}' is not supported{near}")
    taken = (*TAKEN[kind], "q") if kind.startswith("q_") else TAKEN[kind]
    for key in given:
        if key not in taken:
            refuse(setting, f"{name}: {kind} does not accept '{key}'{nearest(key, taken)}")
    for key in TAKEN[kind] if kind not in NORMALS else ():
        if key not in given:
            refuse(setting, f"{name}: {kind} needs {key}")
    if kind in CHOICES:
        return _values(setting, name, given)
    return _numbers(setting, name, kind, given)


def _kind(given: Mapping[str, Any]) -> str:
    """The distribution that applies if none is named, as in W&B."""
    if "value" in given:
        return "constant"
    if "values" in given:
        return "categorical_w_probabilities" if "probabilities" in given else "categorical"
    if "mu" in given or "sigma" in given:
        return "normal"
    limits = [given.get(key) for key in ("min", "max")]
    return "int_uniform" if all(isinstance(each, int) for each in limits) else "uniform"


def _values(setting: Setting, name: str, given: Mapping[str, Any]) -> Parameter:
    if "value" in given:
        return Values([given["value"]])
    values, shares = given["values"], given.get("probabilities")
    if not isinstance(values, list) or not values:
        refuse(setting, f"{name}: values is {values!r:.60}; give a list of at least one value")
    if shares is not None and not (
        isinstance(shares, list)
        and len(shares) == len(values)
        and all(_is_number(each) and each >= 0 for each in shares)
        and sum(shares) > 0
    ):
        refuse(setting, f"{name}: probabilities is {shares!r:.60}; give a share for each value")
    return Values(values, shares)


def _numbers(setting: Setting, name: str, kind: str, given: Mapping[str, Any]) -> Parameter:
    for key, value in given.items():
        if not _is_number(value):
            refuse(setting, f"{name}: {key} is {value!r:.60}; give a number")
    step = given.get("q", 1) if kind.startswith("q_") else None
    if step is not None and step <= 0:
        refuse(setting, f"{name}: q is {step}; give a number above 0")
    if kind in NORMALS:
        mean, deviation = given.get("mu", 0), given.get("sigma", 1)
        if deviation <= 0:
            refuse(setting, f"{name}: sigma is {deviation}; give a number above 0")
        return Normal(mean, deviation, is_log="log" in kind, step=step)
    low, high = given["min"], given["max"]
    if low > high:
        refuse(setting, f"{name}: min is {low}, which is more than max, {high}")
    if kind == "int_uniform":
        if not (isinstance(low, int) and isinstance(high, int)):
            refuse(setting, f"{name}: int_uniform needs whole numbers for min and max")
        return Whole(low, high)
    if "log" not in kind:
        return Real(low, high, step=step)
    if not kind.endswith("_values"):
        low, high = (-high, -low) if kind.startswith("inv") else (low, high)
        low, high = math.exp(low), math.exp(high)
    elif low <= 0:
        refuse(setting, f"{name}: min is {low}, which has no logarithm; give more than 0")
    return Real(low, high, is_log=True, step=step)


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)
