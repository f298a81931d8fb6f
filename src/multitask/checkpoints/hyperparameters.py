"""The part of a checkpoint that records how its model was built."""

from __future__ import annotations

import inspect
from typing import Any

from lightning.pytorch import LightningModule
from lightning.pytorch.core.mixins.hparams_mixin import _given_hyperparameters

from multitask.checkpoints.recipe import recipe, recipes, tells_more
from multitask.checkpoints.source import has_source


def keep_hyperparameters(model: LightningModule, variables: dict[str, Any]) -> None:
    """Store in a model's checkpoints how to rebuild it on any machine.

    Args:
        model: the model whose constructor calls this.
        variables: the constructor's ``locals()``, from which its arguments are stored.
    """
    names = list(inspect.signature(type(model).__init__).parameters)[1:]
    arguments = {name: variables[name] for name in names if name in variables}
    if _given_hyperparameters.get() is not None:
        # The command line has already passed them to Lightning.
        model.save_hyperparameters(logger=False)
    else:
        kept = {"_instantiator": "lightning.pytorch.cli.instantiate_module"}
        model.save_hyperparameters(kept | recipes(arguments), logger=False)
    encoder = arguments.get("encoder")
    if has_source(encoder) or tells_more(encoder):
        # What it is now, not where its initial weights or settings came from.
        model.hparams["encoder"] = recipe(encoder)
    _need_no_download(model.hparams.get("encoder"))
    # The other machine may not have a compiler.
    model.hparams["compile"] = False


def _need_no_download(described: Any) -> None:
    """Disable downloads, because the checkpoint contains the weights."""
    settings = (described.get("init_args") or {}) if isinstance(described, dict) else {}
    if "pretrained" in settings:
        settings["pretrained"] = False
    for each in settings.values():
        _need_no_download(each)
