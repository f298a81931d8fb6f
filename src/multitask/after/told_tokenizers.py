"""The tokenizer of a text input, as a checkpoint tells it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from jsonargparse import ArgumentParser

from multitask.after.loading import STRANGER
from multitask.after.trained_model import TrainedModel
from multitask.checkpoints.reading import explained
from multitask.configuration.classes import accepted
from multitask.configuration.objects import check_entries
from multitask.configuration.settings import described
from multitask.configuration.trust import known_imports_only
from multitask.tokenizers import Tokenizer


class _Told:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer


def told_tokenizer(told: Mapping[str, Any], trained: TrainedModel) -> Tokenizer:
    made = copy.deepcopy(told["tokenizer"])
    if told.get("files"):
        made.setdefault("init_args", {})["files"] = told["files"]
    recipes = {"tokenizer": made}
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(_Told, "made")
    with explained(f"{trained.source}: its tokenizer cannot be made"):
        if trained.trust:
            return parser.instantiate(parser.parse_object({"made": recipes})).made.tokenizer
        with known_imports_only():
            entries = described(recipes, str(trained.source), STRANGER).entries
            check_entries(entries, accepted(_Told), "the model", ("data",))
            return parser.instantiate(parser.parse_object({"made": recipes})).made.tokenizer
