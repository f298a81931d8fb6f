"""LibMTL's own training step on the benchmark's network, from a copy of its repository."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from balancing_steps import Training
from torch import nn

ARGUMENTS: dict[str, dict[str, Any]] = {
    "CAGrad": {"calpha": 0.4, "rescale": 1},
    "MGDA": {"mgda_gn": "none"},
    "UPGrad": {"UPGrad_norm_eps": 1e-4, "UPGrad_reg_eps": 1e-4},
}
"""What LibMTL's command line hands its methods."""


def libmtl_step(folder: Path, method: str, training: Training) -> Callable[[], None]:
    """Make a function that trains for one step as ``LibMTL.Trainer`` does with one batch.

    It uses LibMTL's hard parameter sharing and weighting with the network, losses and optimizer of
    ``training``. Nothing else should train that network.

    Args:
        folder: folder of the repository, which contains a folder ``LibMTL``.
        method: name of one of LibMTL's weightings.
        training: the network.

    Raises:
        ImportError: if the folder has no such weighting, or if it needs a missing package.
    """
    model = _model(folder, method, training)
    arguments = ARGUMENTS.get(method, {})

    def step() -> None:
        with training.autocast():
            outputs = model(training.images)
            # One entry at a time, as LibMTL fills its losses.
            losses = torch.zeros(len(training.names)).to(training.device)
            for place, name in enumerate(training.names):
                losses[place] = training.loss(place, outputs[name])
        training.optimizer.zero_grad(set_to_none=False)
        model.backward(losses, **arguments)
        training.optimizer.step()

    return step


def _model(folder: Path, method: str, training: Training) -> Any:
    _make_importable(folder)
    sharing: Any = importlib.import_module("LibMTL.architecture.HPS").HPS
    weighting: Any = getattr(importlib.import_module(f"LibMTL.weighting.{method}"), method)
    model_class = type("Model", (sharing, weighting), {})
    model = model_class(
        task_name=training.names,
        encoder_class=lambda: training.encoder,
        decoders=nn.ModuleDict(zip(training.names, training.heads, strict=True)),
        rep_grad=False,
        multi_input=False,
        device=training.device,
    )
    model.init_param()
    return model


def _make_importable(folder: Path) -> None:
    """Skip the packages' own ``__init__``, which import modules that no step needs."""
    for name in ("LibMTL", "LibMTL.architecture", "LibMTL.weighting"):
        package = ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")))]
        sys.modules[name] = package
