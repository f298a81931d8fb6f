"""The classes that a class path can name."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import BackboneFinetuning, EarlyStopping

from multitask.configuration.classes import choose, find_class
from multitask.encoders import Encoder
from multitask.heads import MLPHead
from multitask.tasks import Task


def test_our_own_are_listed_beside_any_number_of_others() -> None:
    class Own(MLPHead):
        pass

    others = [type(f"Other{number}", (Own,), {}) for number in range(13)]
    assert len(others) == 13
    assert choose((MLPHead,)) == "; choose from 'MLPHead'"
    assert choose((MLPHead,), "Othr12") == "; did you mean 'Other12'?"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (".SGD", "SGD"),
        ("..SGD", "SGD"),
        ("SGD.", "SGD"),
        ("torch..optim.SGD", "torch.optim.SGD"),
        ("torch.optim.SGD..", "torch.optim.SGD"),
    ],
)
def test_an_empty_name_beside_a_dot(name: str, meant: str) -> None:
    found = find_class(name, (torch.optim.Optimizer,))
    assert found == f"'{name}' has an empty name next to a dot; did you mean '{meant}'?"


@pytest.mark.parametrize("name", [".", "..", "..."])
def test_dots_alone(name: str) -> None:
    found = find_class(name, (torch.optim.Optimizer,))
    assert str(found).startswith(f"'{name}' has an empty name next to a dot; write its module too")


class Unwritten(Callback):
    """A base class of somebody's own."""

    def interval(self) -> int:
        """Left to those that inherit."""
        raise NotImplementedError


class Written(Unwritten):
    """One that inherits."""

    def interval(self) -> int:
        """Every second batch."""
        return 2


@pytest.mark.parametrize(
    ("path", "base", "named"),
    [
        ("torch.optim.Optimizer", torch.optim.Optimizer, ["'AdamW'", "'SGD'"]),
        ("Optimizer", torch.optim.Optimizer, ["'AdamW'", "'SGD'"]),
        (
            "torch.optim.lr_scheduler.LRScheduler",
            torch.optim.lr_scheduler.LRScheduler,
            ["'OneCycleLR'", "'StepLR'"],
        ),
        ("torch.nn.Module", torch.nn.Module, ["name a class that inherits from it"]),
        ("multitask.tasks.Task", Task, ["'Classification'", "'Segmentation'"]),
        ("multitask.encoders.base.Encoder", Encoder, ["'ConvNet'", "'Timm'"]),
        ("lightning.pytorch.callbacks.BaseFinetuning", Callback, ["'BackboneFinetuning'"]),
        ("lightning.pytorch.callbacks.ProgressBar", Callback, ["'EarlyStopping'"]),
        (f"{__name__}.Unwritten", Callback, ["'EarlyStopping'"]),
    ],
)
def test_a_base_class(path: str, base: type, named: list[str]) -> None:
    found = str(find_class(path, (base,)))
    assert "is a base class, which cannot be used itself; " in found
    assert all(each in found for each in named)
    assert "'BalancingSteps'" not in found


@pytest.mark.parametrize("usable", [Written, BackboneFinetuning, EarlyStopping, torch.optim.SGD])
def test_what_inherits_is_no_base_class(usable: type) -> None:
    bases = (Callback, torch.optim.Optimizer)
    assert find_class(f"{usable.__module__}.{usable.__qualname__}", bases) is usable
