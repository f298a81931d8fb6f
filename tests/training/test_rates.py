"""Parts of a model that learn faster or slower than others."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest
import torch
from tiny_training import tiny_model
from torch import nn
from torch.optim import Optimizer
from torchjd.scalarization import FAMO, UW

from multitask import MultiTask
from multitask.balancing import Scalarized
from multitask.encoders import MLP
from multitask.errors import InputError
from multitask.sharing import CrossStitch, MMoE
from multitask.training.rates import rates_of


class Unlayered(MLP):
    """An encoder that does not say what its layers are."""

    def stages(self) -> list[nn.Module]:
        return [self]


class Forgetful(MLP):
    """An encoder that leaves a parameter out."""

    def depths(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(list(super().depths())[1:])}


def model(kind: type[MLP] = MLP, **arguments: Any) -> MultiTask:
    return tiny_model(encoder=kind(16, hidden=[8], out_features=8), **arguments)


def optimizer_of(made: MultiTask) -> Optimizer:
    configured = made.configure_optimizers()
    return configured["optimizer"] if isinstance(configured, dict) else configured


def rates(made: MultiTask) -> dict[str, float]:
    """The rate of each parameter that the optimizer updates, by name, of the rate 1."""
    names = {id(each): name for name, each in made.named_parameters()}
    groups = optimizer_of(made).param_groups
    found = {names[id(each)]: group["lr"] / 0.05 for group in groups for each in group["params"]}
    assert len(found) == sum(len(group["params"]) for group in groups)
    return found


def test_the_longest_name_counts_and_not_the_beginning_of_another() -> None:
    parts = {"encoder": 0.1, "encoder.layers.1": 0.2, "encoder.layers.1.bias": 9}
    made = model(rates={**parts, "heads.kind": 2})
    del parts["encoder.layers.1.bias"]
    with pytest.raises(InputError, match="has no part 'encoder.layers.1.bias'; did you mean"):
        rates(made)
    found = rates(model(rates={**parts, "heads.kind": 2}))
    assert found["encoder.layers.1.weight"] == pytest.approx(0.2)
    assert found["encoder.layers.4.weight"] == pytest.approx(0.1)
    kind, size = (found[name] for name in found if name.endswith("bias") and "heads" in name)
    assert (kind, size) == (2, 1)
    deep = MLP(16, hidden=[8, 8, 8], out_features=8)
    # layers.10 begins like layers.1.
    assert rates(tiny_model(encoder=deep, rates={"encoder.layers.1": 3}))[
        "encoder.layers.10.weight"
    ] == pytest.approx(1)


def test_layers_and_parts_are_combined_and_frozen_parameters_are_there() -> None:
    made = model(layer_decay=0.5, rates={"encoder": 0.5, "encoder.layers.4": 4})
    made.encoder.requires_grad_(False)
    found = rates(made)
    assert found["encoder.layers.1.weight"] == pytest.approx(0.5 * 0.25)
    assert found["encoder.layers.4.weight"] == pytest.approx(4 * 0.5)
    assert {found[name] for name in found if name.startswith("heads.")} == {1}
    assert found.keys() == dict(made.named_parameters()).keys()


def test_encoders_within_sharing_schemes_have_their_layers() -> None:
    found = rates(model(layer_decay=0.5, sharing=CrossStitch, rates={"encoder.mixtures": 100}))
    for column in range(2):
        assert found[f"encoder.columns.{column}.layers.1.weight"] == pytest.approx(0.25)
        assert found[f"encoder.columns.{column}.layers.4.weight"] == pytest.approx(0.5)
    assert found["encoder.mixtures.0"] == pytest.approx(100)
    found = rates(model(layer_decay=0.5, sharing=MMoE, rates={"encoder.encoder": 0.1}))
    assert found["encoder.encoder.layers.4.weight"] == pytest.approx(0.05)
    assert {each for name, each in found.items() if "experts" in name} == {1}


class Compiled(nn.Module):
    """Names its parameters as ``torch.compile`` does, without the time that it takes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._orig_mod = network


def test_a_compiled_encoder_keeps_its_names() -> None:
    made = model(rates={"encoder.layers.4": 3}, layer_decay=0.5)
    made.encoder = Compiled(made.encoder)
    found = rates(made)
    assert found["encoder._orig_mod.layers.1.weight"] == pytest.approx(0.25)
    assert found["encoder._orig_mod.layers.4.weight"] == pytest.approx(1.5)


def test_equal_settings_are_one_group_with_the_exemptions_of_balancers() -> None:
    made = model(
        optimizer=partial(torch.optim.AdamW, lr=0.1, weight_decay=0.3),
        balancer=Scalarized(partial(UW, shape=2)),
        rates={"encoder.layers.1": 0.5, "encoder.layers.2": 0.5, "heads": 0.5},
    )
    groups = [
        (each["name"], each["lr"], each["weight_decay"], len(each["params"]))
        for each in optimizer_of(made).param_groups
    ]
    slow = ("encoder.layers.1+encoder.layers.2+heads", 0.05, 0.3, 7)
    assert groups == [slow, ("others", 0.1, 0.3, 3), ("balancer", 0.1, 0, 1)]
    balanced = model(balancer=Scalarized(partial(UW, shape=2)), rates={"balancer": 10})
    assert rates_of(optimizer_of(balanced)) == {
        "learning_rate": 0.05,
        "learning_rate/balancer": 0.5,
    }


def test_without_rates_that_differ_groups_say_nothing_of_them() -> None:
    for arguments in ({}, {"rates": {"encoder": 1}}, {"layer_decay": 1}):
        (group,) = optimizer_of(model(**arguments)).param_groups
        assert not {"name", "multiplier"} & group.keys()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"encodr": 0.1}, r"has no part 'encodr'; did you mean 'encoder'\?"),
        ({"encoder.layer": 0.1}, r"did you mean 'encoder.layers'\?"),
        ({"zzz": 0.1}, "no part 'zzz'; choose from 'encoder', 'heads'"),
        ({"": 0.1}, "no part ''"),
        ({"heads.größe": 0.1}, "no part 'heads.größe'"),
        ({"sharing": 0.1}, "'sharing' has no parameter that the optimizer updates"),
        ({"encoder.layers.0": 0.1}, "'encoder.layers.0' has no parameter"),
        ({"encoder": 0.1, "encoder.layers": 0.2}, "'encoder' has no effect"),
    ],
)
def test_parts_that_count_for_nothing_are_refused(parts: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=rf"^model\.rates: .*{message}"):
        model(rates=parts).configure_optimizers()


def test_weights_that_a_balancer_updates_itself_have_no_rate() -> None:
    made = model(balancer=Scalarized(partial(FAMO, shape=2)), rates={"balancer": 10})
    with pytest.raises(InputError, match="'balancer' has no parameter that the optimizer updates"):
        made.configure_optimizers()


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, True, "0.1", None, [0.1]])
def test_numbers_that_are_no_rates_are_refused(value: Any) -> None:
    with pytest.raises(InputError, match=r"model\.rates: encoder is .*; give a number above 0"):
        model(rates={"encoder": value})
    if value is not None:
        with pytest.raises(InputError, match=r"model\.layer_decay is .*; give a number above 0"):
            model(layer_decay=value)


def test_zero_names_what_freezes_and_more_than_one_is_no_decay() -> None:
    with pytest.raises(InputError, match=r"freeze it with multitask\.callbacks\.Unfreezing"):
        model(rates={"encoder": 0})
    with pytest.raises(InputError, match=r"layer_decay is 1\.5; .* at most 1"):
        model(layer_decay=1.5)
    with pytest.raises(InputError, match="multiplied by 0"):
        model(layer_decay=1e-200).configure_optimizers()


def test_encoders_without_layers_are_refused() -> None:
    sentence = "^layer_decay: this encoder has only one depth; use rates$"
    for made in (model(Unlayered, layer_decay=0.5), tiny_model(layer_decay=0.5)):
        with pytest.raises(InputError, match=sentence):
            made.configure_optimizers()
    with pytest.raises(InputError, match="does not include its parameter 'layers.1.weight'"):
        model(Forgetful, layer_decay=0.5).configure_optimizers()
