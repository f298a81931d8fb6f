"""The trials of a sweep, read from their folders like a study's runs."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from multitask.configuration.yaml_text import read_yaml
from multitask.errors import InputError
from multitask.runs.folder import CONFIG, PROVENANCE
from multitask.runs.summary import SUMMARY, read_summary
from multitask.study.plan import PlannedRun, Study
from multitask.study.results import Results, collect

SEED = "seed_everything"
STATE = "state"
"""File in the folder of a downloaded run that contains its state on the W&B server."""


@dataclass(frozen=True)
class Trial:
    """One run of a sweep.

    Args:
        folder: folder of the run.
        arguments: arguments of its command, by dotted name, as text.
        config: its whole configuration.
        sweep: id of the sweep; None if no agent started it.
    """

    folder: Path
    arguments: dict[str, str]
    config: dict[str, Any]
    sweep: str | None

    @property
    def seed(self) -> int:
        """Seed of everything random."""
        return int(self.config[SEED])

    @property
    def score(self) -> float:
        """The best ``val/score``; NaN if the run has not finished."""
        summary = read_summary(self.folder) or {}
        score = summary.get("best_score")
        return math.nan if score is None else float(score)


@dataclass(frozen=True)
class Sweep:
    """All trials of a sweep, compared in the same way as a study's methods.

    Args:
        results: results of the trials. Trials that differ only in the seed form a method, which is
            named after what differs between methods.
        trials: one row for each trial, best first: ``method``, ``seed``, ``val/score``, ``state``,
            ``folder``, and a column for each parameter.
        parameters: dotted names of what differs between trials, without the seed.
        commands: the arguments that reproduce each trial, by its title.
    """

    results: Results
    trials: pd.DataFrame
    parameters: list[str]
    commands: dict[str, list[str]]


def find_trials(folder: Path, sweep: str | None = None) -> list[Trial]:
    """Find the training runs below a folder.

    Args:
        folder: folder of runs.
        sweep: id of the sweep that the runs belong to; not needed if there is only one.

    Raises:
        InputError: if there are none, or there are runs of several sweeps.
    """
    trials = [trial for path in sorted(folder.glob(f"**/{PROVENANCE}")) for trial in _trial(path)]
    ids = {trial.sweep for trial in trials} - {None}
    if sweep is None and len(ids) > 1:
        names = ", ".join(sorted(map(str, ids)))
        raise InputError(f"{folder} has runs of several sweeps; choose one with --sweep: {names}")
    chosen = [trial for trial in trials if trial.sweep == (sweep or next(iter(ids), None))]
    if not chosen:
        what = f"of sweep '{sweep}'" if sweep else "of a sweep"
        raise InputError(
            f"{folder} has no training run {what}; give the folder of its runs, such as runs/digits"
        )
    return chosen


def read_sweep(trials: Sequence[Trial], name: str) -> Sweep:
    """Read the results of the trials.

    Args:
        trials: all trials.
        name: name of the sweep, for the report.

    Raises:
        InputError: if none of them has finished.
    """
    finished = [trial for trial in trials if (trial.folder / SUMMARY).is_file()]
    if not finished:
        raise InputError(f"none of the {len(trials)} runs of {name} has finished yet")
    parameters = _differing(trials)
    runs = list(_runs(trials, parameters))
    widest = max(finished, key=lambda trial: len(trial.config["model"]["tasks"]))
    study = Study(
        experiment=str(widest.folder / CONFIG),
        seeds=sorted({trial.seed for trial in trials}),
        methods={},
        name=name,
    )
    by_place = {run.place: trial for run, trial in zip(runs, trials, strict=True)}
    results = collect(
        study,
        runs,
        {key: trial.folder if trial in finished else None for key, trial in by_place.items()},
        {key: None if trial in finished else _reason(trial) for key, trial in by_place.items()},
    )
    rows = [
        {
            "method": run.method,
            "seed": trial.seed,
            "val/score": trial.score,
            "state": "finished" if trial in finished else _reason(trial),
            "folder": str(trial.folder),
            **{name: trial.arguments.get(name, "") for name in parameters},
        }
        for run, trial in zip(runs, trials, strict=True)
    ]
    table = pd.DataFrame(rows).sort_values("val/score", ascending=False, ignore_index=True)
    study.comparisons = _comparisons(table)
    commands = {run.title: _command(trial) for run, trial in zip(runs, trials, strict=True)}
    return Sweep(results, table, parameters, commands)


def ranked(sweep: Sweep) -> pd.DataFrame:
    """The methods, best first; columns ``val/score`` (mean over seeds), ``±`` and ``seeds``."""
    groups = sweep.trials.dropna(subset="val/score").groupby("method", sort=False)["val/score"]
    table = pd.DataFrame({"val/score": groups.mean(), "seeds": groups.count()})
    return table.sort_values("val/score", ascending=False)


def shortened(values: Set[str]) -> dict[str, str]:
    """The display form of each value: shortened if that is unambiguous.

    Args:
        values: the values given for one parameter, as text.
    """
    short = {value: _shown(value) for value in values}
    return {
        value: text if list(short.values()).count(text) == 1 else value
        for value, text in short.items()
    }


def _trial(path: Path) -> Iterator[Trial]:
    folder = path.parent
    try:
        origin, config = read_yaml(path), read_yaml(folder / CONFIG)
        verb, *given = shlex.split(origin["command"])[1:]
    except (OSError, KeyError, TypeError, ValueError):
        # From a run that was stopped at its start, or that is not ours.
        return
    if verb == "fit" and isinstance(config, dict) and SEED in config:
        yield Trial(folder, dict(_pairs(given)), config, origin.get("sweep"))


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    waiting = ""
    for each in arguments:
        if each.startswith("--"):
            name, equals, value = each.removeprefix("--").partition("=")
            waiting = "" if equals else name
            yield name, value if equals else "true"
        elif waiting:
            yield waiting, each


def _differing(trials: Sequence[Trial]) -> list[str]:
    names = dict.fromkeys(name for trial in trials for name in trial.arguments)
    return [
        name
        for name in names
        if name != SEED
        and not name.startswith("run.")
        and len({trial.arguments.get(name) for trial in trials}) > 1
    ]


def _runs(trials: Sequence[Trial], parameters: Sequence[str]) -> Iterator[PlannedRun]:
    short = labels(parameters)
    shown = {name: shortened({trial.arguments.get(name, "") for trial in trials}) for name in short}
    times: Counter[tuple[str, int]] = Counter()
    for trial in trials:
        given = trial.arguments
        parts = [f"{short[name]}={shown[name][given[name]]}" for name in short if name in given]
        title = ", ".join(parts) or "as the file says"
        times[title, trial.seed] += 1
        if (count := times[title, trial.seed]) > 1:
            # A search may sample the same values twice; both trials are shown.
            title = f"{title} ({count})"
        config = {"folder": str(trial.folder)}
        yield PlannedRun(title, trial.seed, config, dict(given), tests=_is_tested(trial))


def _is_tested(trial: Trial) -> bool:
    metrics = (read_summary(trial.folder) or {}).get("metrics", {})
    return any(name.startswith("test/") for name in metrics)


def labels(parameters: Sequence[str]) -> dict[str, str]:
    """The shortest endings of dotted names that are unambiguous.

    Args:
        parameters: dotted names.
    """
    found: dict[str, str] = {}
    for name in parameters:
        words = [word for word in name.split(".") if word != "init_args"]
        for count in range(1, len(words) + 1):
            label = ".".join(words[-count:])
            same = [each for each in parameters if f".{each}".endswith(f".{label}")]
            if len(same) == 1 or count == len(words):
                found[name] = label
                break
    return found


def _shown(value: str) -> str:
    try:
        return f"{float(value):.4g}"
    except ValueError:
        pass
    if value.endswith((".yaml", ".yml")):
        return Path(value).stem
    if re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", value):
        return value.rpartition(".")[2]
    if value.startswith("{"):
        return _shown_class(value)
    return value


def _shown_class(value: str) -> str:
    try:
        content = json.loads(value)
        settings = [f"{k}={_shown(str(v))}" for k, v in content.get("init_args", {}).items()]
        return f"{_shown(content['class_path'])}({', '.join(settings)})"
    except (ValueError, KeyError, AttributeError):
        return value


def _comparisons(table: pd.DataFrame) -> list[list[str]]:
    """Comparisons of every method with the best one, if there are several seeds."""
    groups = table.dropna(subset="val/score").groupby("method", sort=False)["val/score"]
    means = groups.mean().sort_values(ascending=False)
    if groups.count().max() < 2:
        return []
    best, *others = means.index
    return [[str(each), str(best)] for each in others]


def _reason(trial: Trial) -> str:
    state = trial.folder / STATE
    if state.is_file():
        return f"W&B reports it as {state.read_text(encoding='utf-8')}; it was not tested"
    return "it has not finished, or was stopped early"


def _command(trial: Trial) -> list[str]:
    origin = yaml.safe_load((trial.folder / PROVENANCE).read_text(encoding="utf-8"))
    return shlex.split(origin["command"])[1:]
