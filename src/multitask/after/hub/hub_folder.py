"""A trained model as a folder that can be published on the Hugging Face hub."""

from __future__ import annotations

import copy
import json
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch

from multitask.after.ensemble.ensemble_model import EnsembleModel
from multitask.after.exporting.export import export
from multitask.after.exporting.export_check import Check
from multitask.after.exporting.file_inputs import file_inputs
from multitask.after.exporting.tokenizer_folder import tokenizer_folder, write_tokenizer
from multitask.after.hub.card_facts import CardFacts
from multitask.after.hub.hub_reading import (
    CARD,
    CONFIG,
    HUB_FORMAT,
    OF_TRAINING,
    ONNX,
    PARTS,
    WEIGHTS,
    read_hub_folder,
)
from multitask.after.hub.model_card import model_card
from multitask.after.inputs.written_text import WrittenText
from multitask.after.new_output import new_output, refuse_existing
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError, reason_of

NEEDED = ("onnx", "onnxscript", "onnxruntime")


class HubFolder(NamedTuple):
    """A folder that has been written."""

    path: Path
    without_onnx: str | None
    """The reason why it has no ``model.onnx``; None if it has one."""


def write_hub_folder(
    trained: TrainedModel, output: Path | str, facts: CardFacts, trust: bool = False
) -> HubFolder:
    """Write ``config.json``, ``model.safetensors``, ``model.onnx``, ``README.md`` and tokenizers.

    Before the folder gets its name, it is read back, and its predictions are compared with the
    model's. Without the packages of the extra ``export``, or if ONNX cannot express the model,
    ``model.onnx`` is omitted.

    Args:
        trained: the model, on the CPU; see `multitask.load`.
        output: path of the folder, which must not exist.
        facts: contents of the card besides the model itself.
        trust: whether the model may name any class.

    Raises:
        InputError: if the model does not record how it was built, the path exists, or it cannot be
            written.
    """
    place = Path(output)
    refuse_existing(place)
    if isinstance(trained.model, EnsembleModel):
        raise InputError(
            f"{trained.source} is an ensemble, which a hub folder cannot hold; export it as one "
            "file (--format=onnx or torch_export), or one of its members, such as "
            f"{trained.model.sources[0]}"
        )
    recipe = _recipe(trained)
    others = {each.task for each in facts.metrics} - set(trained.model.named_tasks)
    if others:
        raise InputError(
            f"the metrics are of other tasks ({', '.join(sorted(others))}) than those of "
            f"{trained.source}; give the evaluation of this model"
        )
    with new_output(place) as part:
        part.mkdir()
        _write_config(trained, recipe, part / CONFIG)
        _write_weights(trained, part / WEIGHTS)
        _check_read_back(trained, part, trust)
        reason = _write_onnx(trained, part / ONNX)
        _write_tokenizers(trained, part / ONNX)
        card = model_card(trained, facts, place.name, reason is None)
        (part / CARD).write_text(card, encoding="utf-8")
    return HubFolder(place, reason)


def _recipe(trained: TrainedModel) -> dict[str, Any]:
    found = {name: each for name, each in dict(trained.model.hparams).items() if name in PARTS}
    missing = [name for name in ("encoder", "tasks") if not isinstance(found.get(name), dict)]
    if missing:
        raise InputError(
            f"{trained.source} does not record how its {missing[0]} was built, so no folder can; "
            "see multitask.checkpoints.recipe for what can be recorded"
        )
    # Making objects from a recipe modifies it.
    return copy.deepcopy(found)


def _write_config(trained: TrainedModel, recipe: dict[str, Any], path: Path) -> None:
    told = trained.description
    names = list(trained.model.named_tasks)
    content = {
        "format": HUB_FORMAT,
        "version": version("multitask"),
        "model": recipe,
        "description": {
            "data": told.get("data"),
            "inputs": told["inputs"],
            "transforms": told.get("transforms"),
            "tasks": {name: told["tasks"][name] for name in names},
        },
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _write_weights(trained: TrainedModel, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    weights = {
        name: each.detach().cpu().clone().contiguous()
        for name, each in trained.model.state_dict().items()
        if isinstance(each, torch.Tensor) and not name.startswith(OF_TRAINING)
    }
    try:
        save_file(weights, path, {"format": "pt"})
    except SafetensorError as error:
        # So that the message reports a full disk.
        raise InputError(f"{path.parent.name} cannot be written ({reason_of(error)})") from error
    # Temporary files are readable by their owner only.
    path.chmod((path.parent / CONFIG).stat().st_mode)


def _check_read_back(trained: TrainedModel, part: Path, trust: bool) -> None:
    check = Check(trained, file_inputs(trained))
    try:
        model, description = read_hub_folder(part, trust)
    except InputError as error:
        raise InputError(f"{trained.source} cannot be a hub folder: {error}") from error
    again = TrainedModel(model, description, [trained.transforms], "cpu")
    check.largest_difference(lambda _: partial(check.run, again), part)


def _write_tokenizers(trained: TrainedModel, beside: Path) -> None:
    for name, written in trained.written.items():
        folder = tokenizer_folder(beside, name)
        # The ONNX export has written them already.
        if isinstance(written, WrittenText) and not folder.exists():
            write_tokenizer(written.tokenizer, folder)


def _write_onnx(trained: TrainedModel, path: Path) -> str | None:
    missing = [each for each in NEEDED if find_spec(each) is None]
    if missing:
        return f"{missing[0]} is not installed (pip install 'multitask[export]')"
    try:
        export(trained, "onnx", path)
    except InputError as error:
        return str(error)
    return None
