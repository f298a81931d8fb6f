"""The folder of a soup: that of a run, whose checkpoint works in all later commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from multitask.checkpoints.atomic_writing import save_content, write_whole, writing
from multitask.checkpoints.format import KEY
from multitask.ensembles.soup import Soup
from multitask.ensembles.soup_members import Member
from multitask.errors import naming
from multitask.module import MultiTask
from multitask.pages.yaml_text import to_yaml
from multitask.runs.deciding_files import whole_config, write_part, write_twice
from multitask.runs.folder import BEST, CONFIG, PROVENANCE, SOUP, folder_of, make_folder, new_folder
from multitask.runs.log_file import keep_log
from multitask.runs.provenance import provenance
from multitask.runs.summary import SUMMARY

OF_THE_MODEL = (
    "pytorch-lightning_version",
    "hparams_name",
    "hyper_parameters",
    "datamodule_hparams_name",
    "datamodule_hyper_parameters",
)
"""Parts of a checkpoint that describe the model and not its training."""
STEPS = {"epoch": 0, "global_step": 0}


def write_soup(soup: Soup, first: Member, model: MultiTask) -> Path:
    """Write a soup into a new folder beside that of the first run.

    Args:
        soup: the soup.
        first: the run whose configuration and description the soup gets.
        model: the model with the averaged weights.

    Returns:
        The folder, with ``checkpoints/best.ckpt``, ``config.yaml``, ``soup.yaml``,
        ``summary.json``, ``provenance.yaml`` and ``log.txt``.

    Raises:
        InputError: if it cannot be written.
    """
    run = folder_of(first.path)
    assert run is not None
    named = new_folder(run.parent)
    folder = named.with_name(f"{SOUP.removesuffix('.yaml')}-{named.name}")
    make_folder(folder)
    keep_log(folder)
    with naming(folder):
        (folder / BEST).parent.mkdir()
    with writing(folder / BEST) as part:
        save_content(_checkpoint(first, model), part)
    write_part(folder, CONFIG, whole_config(run).read_text(encoding="utf-8"))
    write_whole(folder / PROVENANCE, to_yaml(provenance()))
    write_whole(folder / SOUP, to_yaml({"runs": [each.name for each in soup.members]}))
    write_twice(folder / SUMMARY, json.dumps(_summary(soup, model), indent=1))
    return folder


def _checkpoint(first: Member, model: MultiTask) -> dict[str, Any]:
    stamp = dict(first.stamp)
    stamp["description"] = {**stamp["description"], "tasks": first.tasks}
    kept = {key: first.content[key] for key in OF_THE_MODEL if key in first.content}
    return {**kept, **STEPS, "state_dict": model.state_dict(), KEY: stamp}


def _summary(soup: Soup, model: MultiTask) -> dict[str, Any]:
    return {
        "metrics": {name: float(value) for name, value in soup.metrics.items()},
        "best_score": soup.score,
        "higher_is_better": dict(model.evaluations.directions()),
        "headlines": {name: task.headline for name, task in model.named_tasks.items()},
        "cost": {},
        "epochs": 0,
        "limits": {},
    }
