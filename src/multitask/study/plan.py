"""The methods that a study compares, and the runs that they need."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from multitask.configuration.offered import find_config
from multitask.configuration.yaml_text import read_yaml
from multitask.errors import InputError, nearest
from multitask.runs.settings import WandbMode
from multitask.study.delta_m import DeltaM
from multitask.study.folder_names import check_folder_name, slug
from multitask.study.following import check_following, check_without_start, in_order

SINGLE_TASK = "single task"
TUNED = "tuned weights"
SEEDS = 2**32
"""All seeds are below this number."""
MOST_TRIALS = 10_000
LEAST_MEMBERS = 2
NOT_FOLLOWED = {
    SINGLE_TASK: "which is a network for each task; add a method with that task alone, and name it",
    TUNED: "which are chosen after all other runs; name a method of this file",
}
"""Methods that no other method can start from, and the reason."""
Config = dict[str, Any]


@dataclass(frozen=True)
class Method:
    """A way to train several tasks.

    Args:
        tasks: which of the experiment's tasks to train; default: all.
        experiment: a configuration file to use instead of the study's.
        settings: changes to the file, by dotted name as on the command line.
        after: the method that it starts from; each value ``{after}`` in its settings is replaced by
            the path of the ``best.ckpt`` of that method's run with the same seed.
    """

    tasks: list[str] | None = None
    experiment: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    after: str | None = None


@dataclass(frozen=True)
class Tuning:
    """Fixed weights of the tasks, found by random search on the validation set.

    Each trial draws a weight for each task from a log-uniform distribution, and trains with the
    study's first seed. The trial with the best ``val/score`` is trained with all seeds and tested.

    Args:
        trials: number of trials; with 0 there are no tuned weights.
        lowest: smallest weight.
        highest: largest weight.
    """

    trials: int = 8
    lowest: float = 0.05
    highest: float = 20.0

    def check(self) -> None:
        """Reject settings that cannot be searched.

        Raises:
            InputError: with the setting.
        """
        if not 0 < self.lowest < self.highest < math.inf:
            raise InputError("tuning: lowest must be positive and less than highest")
        if not 0 <= self.trials <= MOST_TRIALS:
            raise InputError(
                f"tuning: trials is {self.trials}; give a number from 0 to {MOST_TRIALS}"
            )


@dataclass
class Study:
    """The methods to compare; every run has the budget given in the experiment's file.

    Args:
        experiment: configuration file with all tasks.
        seeds: seeds that each method is trained with.
        methods: methods by name; in addition, every task is trained alone, and weights are tuned.
        settings: changes to the file for all runs, by dotted name as on the command line.
        tuning: how fixed weights are tuned.
        metrics: the metric to compare for each task; default: the task's headline metric.
        further_metrics: for each task, metrics that the report shows in addition to the compared
            ones.
        delta_m: several metrics of each task for which the report also shows Delta-m.
        comparisons: pairs of methods to compare with each other.
        vary: by name, settings with which the whole study is repeated.
        ensembles: by name, a method whose seeds are the members of an ensemble, which the report
            compares with the methods.
        baselines: whether to train every task alone as well.
        wandb: whether to record the runs at Weights & Biases, see `RunSettings`.
        name: name of the study; default: that of its file.
    """

    experiment: str
    seeds: list[int]
    methods: dict[str, Method]
    settings: dict[str, Any] = field(default_factory=dict)
    tuning: Tuning = field(default_factory=Tuning)
    metrics: dict[str, str] = field(default_factory=dict)
    further_metrics: dict[str, list[str]] = field(default_factory=dict)
    delta_m: DeltaM | None = None
    comparisons: list[list[str]] = field(default_factory=list)
    vary: dict[str, dict[str, Any]] = field(default_factory=dict)
    ensembles: dict[str, str] = field(default_factory=dict)
    baselines: bool = True
    wandb: WandbMode = "off"
    name: str = "study"

    def __post_init__(self) -> None:
        """Reject a study that cannot be compared."""
        # A repetition has a folder inside that of its study.
        for part in self.name.split("/"):
            check_folder_name(part, "name")
        self._check_seeds()
        _check_apart("methods", self.methods, (SINGLE_TASK, TUNED))
        _check_apart("vary", self.vary)
        self.tuning.check()
        self._check_comparisons()
        self._check_ensembles()
        self._check_starts()
        for key in ("metrics", "further_metrics"):
            for task in sorted(set(getattr(self, key)) - set(self.tasks)):
                raise InputError(f"{key}: there is no task '{task}'{nearest(task, self.tasks)}")
        if self.delta_m is not None:
            self.delta_m.check(self.tasks, self.baselines)

    def _check_seeds(self) -> None:
        if len(set(self.seeds)) < len(self.seeds) or not self.seeds:
            raise InputError(f"seeds has {self.seeds}; give each seed once, and at least one")
        for seed in self.seeds:
            if not 0 <= seed < SEEDS:
                raise InputError(f"seeds has {seed}; give numbers from 0 to {SEEDS - 1}")

    def _check_comparisons(self) -> None:
        names = [SINGLE_TASK, TUNED, *self.methods]
        for pair in self.comparisons:
            if len(pair) != 2:
                raise InputError(f"comparisons: {pair} has {len(pair)} methods; give two")
            for name in pair:
                if name not in names:
                    raise InputError(f"comparisons: there is no '{name}'{nearest(name, names)}")

    def _check_ensembles(self) -> None:
        _check_apart("ensembles", self.ensembles)
        for name, method in self.ensembles.items():
            if method not in self.methods:
                near = nearest(method, self.methods)
                raise InputError(f"ensembles: '{name}' names the unknown method '{method}'{near}")
        if self.ensembles and len(self.seeds) < LEAST_MEMBERS:
            raise InputError("ensembles: their members are the seeds, so give at least two seeds")

    def _check_starts(self) -> None:
        check_without_start("settings", self.settings)
        for name, settings in self.vary.items():
            check_without_start(f"vary: '{name}'", settings)
        own = {name: method.settings for name, method in self.methods.items()}
        check_following(self.after, own, NOT_FOLLOWED)

    def shown_metrics(self, task: str, compared: str) -> list[str]:
        """Metrics of a task that the report needs in addition to the compared one.

        Args:
            task: the task's name.
            compared: the compared metric.
        """
        asked = self.delta_m.metrics.get(task, []) if self.delta_m is not None else []
        further = self.further_metrics.get(task, [])
        return [*further, *(each for each in asked if each not in (*further, compared))]

    @property
    def after(self) -> dict[str, str | None]:
        """For each method, the one that it starts from; None to start from scratch."""
        return {name: method.after for name, method in self.methods.items()}

    @property
    def tasks(self) -> list[str]:
        """Names of all tasks of the experiment."""
        return list(_tasks_of(_read(self.experiment), self.experiment))


def variants(study: Study) -> dict[str, Study]:
    """The repetitions of the study, by name; only the study, without a name, if there are none."""
    return {
        name: replace(
            study,
            settings={**study.settings, **settings},
            name=f"{study.name}/{slug(name)}" if name else study.name,
            vary={},
        )
        for name, settings in (study.vary or {"": {}}).items()
    }


@dataclass(frozen=True)
class PlannedRun:
    """One training.

    Args:
        method: method that it belongs to: `SINGLE_TASK`, `TUNED`, or a name of the study's methods.
        seed: seed of everything random.
        config: the whole configuration file.
        settings: changes to the file, by dotted name.
        part: the task that is trained alone, or the number of the trial.
        tests: whether to test it; runs for tuning alone are not tested.
        after: the run with the same seed whose ``best.ckpt`` it starts from.
    """

    method: str
    seed: int
    config: Config
    settings: dict[str, Any]
    part: str = ""
    tests: bool = True
    after: PlannedRun | None = None

    @property
    def place(self) -> str:
        """Folder of the run inside the study's; it depends on the configuration.

        It also depends on the configuration of the run that it starts from.
        """
        deciding: list[Any] = [self.config, self.settings, self.tests]
        if self.after is not None:
            deciding.append(self.after.place)
        content = json.dumps(deciding, sort_keys=True, default=str)
        key = hashlib.sha256(content.encode()).hexdigest()[:8]
        parts = [slug(self.method), slug(self.part), f"seed-{self.seed}-{key}"]
        return "/".join(part for part in parts if part)

    @property
    def kind(self) -> str:
        """Purpose of the run: a ``baseline``, a ``trial`` of weights, or a ``method``."""
        if self.method == SINGLE_TASK:
            return "baseline"
        return "method" if self.tests else "trial"

    @property
    def title(self) -> str:
        """Name of the run for people."""
        return ", ".join(filter(None, [self.method, self.part, f"seed {self.seed}"]))


def planned(study: Study) -> Iterator[PlannedRun]:
    """All runs except those of tuned weights, which depend on trials.

    Yields:
        The runs of each seed together, so that an unfinished study gives results early. A run that
        starts from another comes after it.
    """
    for seed in study.seeds:
        for task in study.tasks if study.baselines else ():
            config = _config(study.experiment, [task])
            config["model"].pop("balancer", None)
            _settings(config["model"]["tasks"][task]).pop("teaches", None)
            yield PlannedRun(SINGLE_TASK, seed, config, study.settings, task)
        found: dict[str, PlannedRun] = {}
        for name in in_order(study.after):
            method = study.methods[name]
            config = _config(method.experiment or study.experiment, method.tasks)
            settings = {**study.settings, **method.settings}
            if "model.balancer" in settings:
                # Otherwise the settings of one class would be merged into those of another.
                config["model"].pop("balancer", None)
            before = None if method.after is None else found[method.after]
            found[name] = PlannedRun(name, seed, config, settings, after=before)
            yield found[name]


def weighted(study: Study, weights: dict[str, float], seed: int, trial: int | None) -> PlannedRun:
    """A run with fixed weights.

    Args:
        study: the study.
        weights: weight of each task.
        seed: seed of everything random.
        trial: number of the trial; None for a run with the selected weights.
    """
    config = _config(study.experiment, None)
    config["model"].pop("balancer", None)
    settings = {f"model.tasks.{task}.weight": weight for task, weight in weights.items()}
    part = "" if trial is None else f"trial {trial}"
    return PlannedRun(TUNED, seed, config, {**study.settings, **settings}, part, trial is None)


def _check_apart(key: str, names: Mapping[str, Any], always: tuple[str, ...] = ()) -> None:
    """Reject names that would share a folder."""
    owners = {slug(name): name for name in always}
    for name in names:
        if not name.strip():
            raise InputError(f"{key} has an empty name; give each a name")
        if name in always:
            raise InputError(f"{key}: '{name}' is always there; give yours another name")
        if (other := owners.setdefault(slug(name), name)) != name:
            raise InputError(
                f"{key}: '{name}' differs from '{other}' only in special characters, and their "
                "folders would be the same; give it another name"
            )


def _config(experiment: str, tasks: list[str] | None) -> Config:
    config = deepcopy(_read(experiment))
    check_without_start(experiment, config)
    found = _tasks_of(config, experiment)
    for task in tasks or []:
        if task not in found:
            raise InputError(f"{experiment}: there is no task '{task}'{nearest(task, found)}")
    chosen = {name: each for name, each in found.items() if tasks is None or name in tasks}
    config["model"]["tasks"] = _counting(chosen)
    return config


def _counting(tasks: dict[str, Any]) -> dict[str, Any]:
    """Let the tasks of a run count if no other would be left to select its best epoch."""
    given = [_settings(each) for each in tasks.values()]
    if all(each.get("counts") is False for each in given):
        for each in given:
            del each["counts"]
    return tasks


def _settings(task: Any) -> dict[str, Any]:
    """The settings of a task; a task in short form has none."""
    found = task.get("init_args") if isinstance(task, dict) else None
    return found if isinstance(found, dict) else {}


def _tasks_of(config: Config, experiment: str) -> dict[str, Any]:
    model = config.get("model")
    tasks = model.get("tasks") if isinstance(model, dict) else None
    if not isinstance(tasks, dict) or not tasks:
        raise InputError(f"{experiment}: a study needs an experiment with tasks under model.tasks")
    if odd := [name for name in tasks if not isinstance(name, str)]:
        raise InputError(
            f"{experiment}: YAML reads the task {odd[0]!r} as something other than text; write its "
            "name in quotes"
        )
    return tasks


def _read(experiment: str) -> Config:
    try:
        content = read_yaml(find_config(experiment))
    except OSError as error:
        raise InputError(f"experiment {experiment} cannot be read ({error.strerror})") from error
    if not isinstance(content, dict):
        raise InputError(f"{experiment}: the file must be a mapping, 'key: value'")
    try:
        json.dumps(content, sort_keys=True, default=str)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{experiment}: a mapping has names that are not all text, or something contains "
            "itself; write names in quotes, and nothing inside itself"
        ) from error
    return content
