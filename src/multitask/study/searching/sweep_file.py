"""A W&B sweep file, interpreted for a local search."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multitask.configuration.settings import Setting, read_config
from multitask.errors import InputError, nearest
from multitask.study.folder_names import check_folder_name
from multitask.study.searching.distributions import read_parameters, refuse
from multitask.study.searching.parameters import Parameter

METHODS = ("grid", "random", "bayes")
DONE = ("early_terminate", "method", "metric", "name", "parameters", "command", "run_cap")
OF_SERVER = ("description", "entity", "program", "project")
"""Keys that specify where W&B keeps a sweep; they are ignored here."""
ARGS, ENV = "${args}", "${env}"
PROGRAMS = (
    ["multitask"],
    ["${program}"],
    *(
        [python, "-m", name]
        for python in ("${interpreter}", "python", "python3")
        for name in ("multitask", "${program}")
    ),
)
"""Valid beginnings of a command."""
VARIABLE = re.compile(r"\$\{envvar:([A-Z0-9_]+)\}")
ELSEWHERE = "or let W&B search: make sweep"
LARGEST_GRID = 100_000


@dataclass(frozen=True)
class Metric:
    """The metric to optimise.

    Args:
        name: name as in ``metrics.csv``.
        is_maximised: whether higher is better.
        target: value at which the search ends.
    """

    name: str = "val/score"
    is_maximised: bool = True
    target: float | None = None

    def best(self, values: list[float]) -> float:
        """The best of several values; NaN is never the best."""
        known = [each for each in values if not math.isnan(each)]
        return (max if self.is_maximised else min)(known) if known else math.nan

    def is_reached(self, value: float | None) -> bool:
        """Whether a value reaches the target."""
        if self.target is None or value is None:
            return False
        return value >= self.target if self.is_maximised else value <= self.target


@dataclass(frozen=True)
class EarlyStop:
    """Early stopping of trials: at ``first``, ``first * factor``, ... values of the metric.

    A trial continues if it is among the best ``1 / factor`` of the trials that have reached this
    point so far.

    Args:
        first: number of values before the first check.
        factor: integer, at least 2.
    """

    first: int
    factor: int


@dataclass(frozen=True)
class SweepFile:
    """The contents of a sweep file.

    Args:
        name: name of the sweep.
        method: ``grid``, ``random`` or ``bayes``.
        metric: the metric to optimise.
        parameters: parameters by dotted name.
        before: arguments of the program before the parameters, ``fit`` first.
        behind: arguments after the parameters.
        cap: number of trials.
        early_stop: early stopping; None if each trial is trained to its end.
        deciding: settings that trials must share to be comparable, as in the file.
    """

    name: str
    method: str
    metric: Metric
    parameters: dict[str, Parameter]
    before: list[str]
    behind: list[str]
    cap: int
    early_stop: EarlyStop | None
    deciding: dict[str, Any]


def read_sweep_file(path: Path) -> SweepFile:
    """Read a sweep file.

    Args:
        path: path of the YAML file.

    Raises:
        InputError: with the file and line, if something is invalid or impossible here.
    """
    root = read_config(path)
    entries = root.entries
    for key, each in entries.items():
        if key not in (*DONE, *OF_SERVER):
            refuse(each, f"'{key}' is not supported{nearest(key, DONE)}; remove it, {ELSEWHERE}")
    for key in ("method", "parameters", "command"):
        if key not in entries:
            raise InputError(f"{path}: {key} is missing; see configs/sweep/tuning.yaml")
    method = entries["method"].content
    if method not in METHODS:
        near = nearest(str(method), METHODS)
        refuse(entries["method"], f"method is {method!r:.60}{near}")
    early_stop = _early_stop(entries.get("early_terminate"))
    learns = method == "bayes" or early_stop is not None
    if learns and "metric" not in entries:
        raise InputError(f"{path}: metric, which ranks the trials, is missing")
    parameters = read_parameters(entries["parameters"])
    if not parameters:
        refuse(entries["parameters"], "parameters is empty; name at least one setting")
    before, behind = _arguments(entries["command"], entries.get("program"))
    name = str(entries["name"].content) if "name" in entries else path.stem
    check_folder_name(name, f"{path}: name")
    return SweepFile(
        name,
        method,
        _metric(entries.get("metric")),
        parameters,
        before,
        behind,
        _cap(path, root, method, parameters),
        early_stop,
        {key: each.plain() for key, each in entries.items() if key in DONE and key != "run_cap"},
    )


def _metric(setting: Setting | None) -> Metric:
    if setting is None:
        return Metric()
    given = {key: each.plain() for key, each in setting.entries.items()}
    known = ("name", "goal", "target")
    for key in given:
        if key not in known:
            refuse(setting, f"metric has no '{key}' here{nearest(key, known)}")
    name, goal, target = given.get("name"), given.get("goal", "minimize"), given.get("target")
    if not isinstance(name, str):
        refuse(setting, "metric needs a name, such as val/score")
    if goal not in ("minimize", "maximize"):
        refuse(setting, f"goal is {goal!r:.60}; give minimize or maximize")
    if target is not None and (isinstance(target, bool) or not isinstance(target, int | float)):
        refuse(setting, f"target is {target!r:.60}; give a number")
    return Metric(name, goal == "maximize", target)


def _early_stop(setting: Setting | None) -> EarlyStop | None:
    if setting is None:
        return None
    given = {key: each.plain() for key, each in setting.entries.items()}
    known = ("type", "min_iter", "max_iter", "s", "eta", "strict")
    for key in given:
        if key not in known:
            refuse(setting, f"early_terminate has no '{key}' here{nearest(key, known)}")
    if given.get("type") != "hyperband":
        refuse(setting, f"type is {given.get('type')!r:.60}; only hyperband is supported here")
    if given.get("strict", False):
        refuse(setting, f"strict is not supported here; remove it, {ELSEWHERE}")
    counts = {key: given[key] for key in ("min_iter", "max_iter", "s", "eta") if key in given}
    for key, value in counts.items():
        least = 2 if key == "eta" else 1
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            refuse(setting, f"{key} is {value!r:.60}; give a whole number, at least {least}")
    factor = counts.get("eta", 3)
    if counts.keys() & {"min_iter", "max_iter"} == {"min_iter"} and "s" not in counts:
        return EarlyStop(counts["min_iter"], factor)
    if counts.keys() & {"min_iter", "max_iter", "s"} == {"max_iter", "s"}:
        return EarlyStop(max(1, counts["max_iter"] // factor ** counts["s"]), factor)
    return refuse(setting, "early_terminate needs min_iter, or max_iter and s")


def _arguments(setting: Setting, program: Setting | None) -> tuple[list[str], list[str]]:
    if not isinstance(setting.content, list):
        refuse(setting, "command should be a list, as in configs/sweep/tuning.yaml")
    words = [_filled(setting, str(each)) for each in setting.plain() if each != ENV]
    start = next((each for each in PROGRAMS if words[: len(each)] == each), None)
    is_ours = "${program}" not in (start or ()) or (program and program.content == "multitask")
    if start is None or not is_ours or words[len(start) : len(start) + 1] != ["fit"]:
        refuse(setting, f"command should run 'multitask fit'; change it, {ELSEWHERE}")
    words = words[len(start) :]
    if words.count(ARGS) != 1:
        refuse(setting, f"command should have {ARGS} once, where the parameters go")
    if odd := [each for each in words if "${" in each and each != ARGS]:
        refuse(setting, f"{odd[0]} is not supported here; write {ARGS}, {ELSEWHERE}")
    place = words.index(ARGS)
    return words[:place], words[place + 1 :]


def _filled(setting: Setting, word: str) -> str:
    for name in VARIABLE.findall(word):
        if name not in os.environ:
            refuse(setting, f"the environment variable {name} is not set")
    return VARIABLE.sub(lambda found: os.environ[found[1]], word)


def _cap(path: Path, root: Setting, method: str, parameters: dict[str, Parameter]) -> int:
    setting = root.entries.get("run_cap")
    cap = None if setting is None else setting.plain()
    if setting is not None and (isinstance(cap, bool) or not isinstance(cap, int) or cap < 1):
        refuse(setting, f"run_cap is {cap!r:.60}; give a whole number, 1 or more")
    if method != "grid":
        if cap is None:
            raise InputError(f"{path}: a {method} search needs run_cap, its number of trials")
        return int(cap)
    size = 1
    for name, each in parameters.items():
        if (points := each.grid()) is None:
            refuse(root.entries["parameters"], f"a grid cannot have {name}; give it values")
        size *= len(points)
    if size > LARGEST_GRID:
        most = f"give at most {LARGEST_GRID:,}"
        refuse(root.entries["parameters"], f"the grid has {size:,} points; {most}")
    return size if cap is None else min(size, int(cap))
