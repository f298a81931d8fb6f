"""The folder of an ensemble, which resembles that of a run: checkpoint, test, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from multitask.after.ensemble.ensemble_file import write_ensemble
from multitask.after.ensemble.ensemble_model import EnsembleModel
from multitask.after.hub.hub_reading import PARTS
from multitask.after.trained_model import TrainedModel
from multitask.callbacks import Figures, PredictionTable, SourceEvaluation
from multitask.checkpoints.named_checkpoint import ENSEMBLE
from multitask.data import DataModule
from multitask.ensembles.confidence import ConfidenceOfTest
from multitask.ensembles.members import pooled_description, pooled_images
from multitask.errors import InputError, naming
from multitask.pages.yaml_text import to_yaml
from multitask.runs.deciding_files import whole_config, write_twice
from multitask.runs.folder import CONFIG, PROVENANCE, folder_of, make_folder, new_folder
from multitask.runs.log_file import quiet_screen
from multitask.runs.loggers import METRICS
from multitask.runs.metrics_file import MetricsFile
from multitask.runs.provenance import provenance
from multitask.runs.summary import read_summary, write_summary

PREFIX = "ensemble-"


@dataclass(frozen=True)
class Tested:
    """Results of the test of an ensemble.

    Args:
        values: metrics by name.
        remarks: one sentence per task on the confidence of its classes.
    """

    values: Mapping[str, Tensor]
    remarks: list[str]


def folder_for(checkpoint: Path) -> Path:
    """Choose a name for the folder of an ensemble, beside its first member's run.

    The folder is not created yet.

    Args:
        checkpoint: checkpoint of that member.
    """
    run = folder_of(checkpoint)
    parent = Path("ensembles") if run is None else run.parent
    return parent / f"{PREFIX}{new_folder(parent).name}"


def write_files(members: Sequence[TrainedModel], folder: Path) -> EnsembleModel:
    """Write the ensemble's checkpoint, its provenance, and the configuration of its data.

    Args:
        members: compatible members, see `multitask.ensembles.members.read_members`.
        folder: folder of the ensemble, which is created if needed.

    Raises:
        InputError: if it is unknown how to pool a task's outputs or how to build a member; nothing
            is written then.
    """
    model = pooled(members)
    recipes = [_recipe(each) for each in members]
    make_folder(folder)
    with naming(folder):
        (folder / ENSEMBLE).parent.mkdir(exist_ok=True)
        told = {**provenance(), "members": model.sources}
        (folder / PROVENANCE).write_text(to_yaml(told), encoding="utf-8")
    description, images = pooled_description(members), pooled_images(members)
    write_ensemble(folder / ENSEMBLE, model, recipes, description, images)
    if (run := folder_of(Path(members[0].source))) is not None:
        # The commands after training use this to find the data.
        write_twice(folder / CONFIG, whole_config(run).read_text(encoding="utf-8"))
    return model


def pooled(members: Sequence[TrainedModel]) -> EnsembleModel:
    """Combine several models into one.

    Args:
        members: compatible members.

    Raises:
        InputError: if it is unknown how to pool a task's outputs.
    """
    try:
        return EnsembleModel([each.model for each in members], [str(m.source) for m in members])
    except InputError as error:
        raise InputError(f"{members[0].source}: {error}") from error


def make(
    members: Sequence[TrainedModel], data: DataModule, folder: Path, device: str | None = None
) -> Tested:
    """Write an ensemble and test it: see `write_files` and `test`."""
    return test(write_files(members, folder), data, folder, device)


def test(model: EnsembleModel, data: DataModule, folder: Path, device: str | None) -> Tested:
    """Test an ensemble like a run, and make predictions for the test set.

    This writes ``metrics.csv``, ``summary.json``, ``figures`` and ``predictions.csv``.

    Args:
        model: the ensemble.
        data: data with a test set.
        folder: folder of the ensemble.
        device: device to use; default: a GPU if there is one.
    """
    quiet_screen()
    confidence, logger = ConfidenceOfTest(), MetricsFile(folder / METRICS)
    callbacks = [confidence, Figures(folder / "figures")]
    if sources := list(data.source_rows("test")):
        callbacks.append(SourceEvaluation(sources))
    tester = _trainer(folder, device, callbacks=callbacks, logger=logger)
    tester.test(model, data, verbose=False)
    values = dict(tester.callback_metrics)
    write_summary(folder, model, values, cost_of(model.sources))
    table = PredictionTable(folder / "predictions.csv")
    predictor = _trainer(folder, device, callbacks=[table], logger=False)
    predictor.predict(model, data, return_predictions=False)
    said = [each.in_words(name) for name, each in confidence.found.items()]
    return Tested(values, [each for each in said if each is not None])


def cost_of(sources: Sequence[str]) -> dict[str, float]:
    """The total training cost of the members, as far as it is known; for memory, the maximum."""
    folders = [folder_of(Path(each)) for each in sources]
    summaries = [read_summary(each) for each in folders if each is not None]
    found: dict[str, float] = {}
    for summary in filter(None, summaries):
        for name, value in summary.get("cost", {}).items():
            is_most = name == "peak_memory"
            before = found.get(name, 0.0)
            found[name] = max(before, value) if is_most else before + value
    return found


def _recipe(member: TrainedModel) -> dict[str, Any]:
    found = {name: each for name, each in dict(member.model.hparams).items() if name in PARTS}
    for name in ("encoder", "tasks"):
        if not isinstance(found.get(name), dict):
            raise InputError(
                f"{member.source} does not record how its {name} was built, so an ensemble cannot "
                "either; see multitask.checkpoints.recipe for what can be recorded"
            )
    return found


def _trainer(folder: Path, device: str | None, **options: Any) -> Trainer:
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    number: Any = [place.index] if place.index is not None else 1
    return Trainer(
        accelerator="gpu" if place.type == "cuda" else place.type,
        devices=number,
        default_root_dir=folder,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
