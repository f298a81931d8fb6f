"""Facts about a model besides the model itself: its training, its data and its metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from multitask.after.hub.card_metrics import Measured, metrics_of
from multitask.configuration.yaml_text import read_yaml
from multitask.data.split_check import SPLITS
from multitask.errors import InputError
from multitask.runs.data_contents import CONTENTS_FILE, read_contents
from multitask.runs.folder import PROVENANCE, config_of, folder_of
from multitask.runs.summary import read_summary

PACKAGES = ("multitask", "torch", "lightning", "timm", "torchvision")
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")


@dataclass(frozen=True)
class CardFacts:
    """Contents of a card that the model itself does not contain.

    Args:
        licence: licence of the model, as the hub names it; None if not given.
        data_licence: licence of the training data; None if not given.
        metrics: metrics of the model.
        measured_on: data that the metrics were computed on, or the reason why there are none.
        splits: number of samples in each split.
        setup: description of the training, by subject.
    """

    licence: str | None = None
    data_licence: str | None = None
    metrics: list[Measured] = field(default_factory=list)
    measured_on: str = "It was not evaluated."
    splits: Mapping[str, int] = field(default_factory=dict)
    setup: Mapping[str, str] = field(default_factory=dict)


def facts_of(
    checkpoint: Path,
    licence: str | None = None,
    data_licence: str | None = None,
    evaluation: Path | None = None,
) -> CardFacts:
    """Gather the facts about a checkpoint, from its run's folder if it is in one.

    Args:
        checkpoint: path of the file.
        licence: see `CardFacts`.
        data_licence: see `CardFacts`.
        evaluation: folder that ``multitask evaluate`` wrote.

    Raises:
        InputError: if a licence is invalid, or the folder does not contain an evaluation.
    """
    for name, each in (("licence", licence), ("data_licence", data_licence)):
        if each is not None and not LICENCE.fullmatch(each):
            raise InputError(
                f"--{name} is {each!r}; give it as the hub does, in small letters, such as mit, "
                "apache-2.0 or cc-by-4.0"
            )
    run = folder_of(checkpoint)
    metrics, words = metrics_of(checkpoint, run, evaluation)
    splits = {} if run is None else _splits(run)
    setup = {} if run is None else dict(_setup(run))
    return CardFacts(licence, data_licence, metrics, words, splits, setup)


def _splits(run: Path) -> dict[str, int]:
    contents = read_contents(run / CONTENTS_FILE) if (run / CONTENTS_FILE).is_file() else None
    sizes = {split: len(each) for (split, _, _), each in (contents or {}).items()}
    return {split: sizes[split] for split in SPLITS if split in sizes}


def _setup(run: Path) -> Iterator[tuple[str, str]]:
    """How a run was trained, without the names of a user's folders or machine."""
    config, told = _mapping(config_of(run)), _mapping(run / PROVENANCE)
    summary = read_summary(run) or {}
    data = _inner(config.get("data"))
    for name, value in (
        ("epochs", summary.get("epochs")),
        ("samples in a batch", data.get("batch_size")),
        ("seed", config.get("seed_everything")),
        ("precision", (config.get("trainer") or {}).get("precision")),
        ("devices", ", ".join(map(str, told.get("devices") or []))),
        ("Python", told.get("python")),
        *((name, (told.get("packages") or {}).get(name)) for name in PACKAGES),
        ("commit", (told.get("git") or {}).get("commit")),
    ):
        if value not in (None, ""):
            yield name, str(value)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        found = read_yaml(path)
    except (OSError, InputError):
        # The card contains whatever is known.
        return {}
    return found if isinstance(found, dict) else {}


def _inner(setting: Any) -> dict[str, Any]:
    found = setting.get("init_args") if isinstance(setting, dict) else None
    return found if isinstance(found, dict) else {}
