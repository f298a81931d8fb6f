"""What a checkpoint says of how its model was built."""

from __future__ import annotations

import inspect
from typing import Any

from lightning.pytorch import LightningModule
from lightning.pytorch.core.mixins.hparams_mixin import _given_hyperparameters

from multitask.checkpoints.recipe import recipe, recipes, tells_more
from multitask.checkpoints.source import has_source


def keep_hyperparameters(model: LightningModule, variables: dict[str, Any]) -> None:
    """Have a model's checkpoints tell how to build it again, on any machine.

    Args:
        model: whose constructor calls this.
        variables: the constructor's ``locals()``, of which its arguments are kept.
    """
    names = list(inspect.signature(type(model).__init__).parameters)[1:]
    arguments = {name: variables[name] for name in names if name in variables}
    if _given_hyperparameters.get() is not None:
        # The command line has told Lightning.
        model.save_hyperparameters(logger=False)
    else:
        kept = {"_instantiator": "lightning.pytorch.cli.instantiate_module"}
        model.save_hyperparameters(kept | recipes(arguments), logger=False)
    encoder = arguments.get("encoder")
    if has_source(encoder) or tells_more(encoder):
        # What it is, not where its first weights or its settings were from.
        model.hparams["encoder"] = recipe(encoder)
    _need_no_download(model.hparams.get("encoder"))
    # Nor need the machine have a compiler.
    model.hparams["compile"] = False


def _need_no_download(described: Any) -> None:
    """Who reads the checkpoint gets its weights; none need be downloaded."""
    settings = (described.get("init_args") or {}) if isinstance(described, dict) else {}
    if "pretrained" in settings:
        settings["pretrained"] = False
    for each in settings.values():
        _need_no_download(each)
