"""A study created from its file and checked against its tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

from multitask.configuration.types import WORDS
from multitask.errors import InputError, nearest
from multitask.study.delta_m import DeltaM
from multitask.study.folder_names import check_folder_name
from multitask.study.following import without_quotes
from multitask.study.measured_parts import check_part, split_part
from multitask.study.parsing import parsed
from multitask.study.plan import Method, PlannedRun, Study
from multitask.tasks import Task

PARSED = ("tasks", "experiment", "after")
"""Keys of a method besides its settings."""
EXPECTED = re.compile(r"Expected an? <class '(?:\w+\.)*(?P<kind>\w+)'>\. Got value: (?P<value>.*)")


def make_study(path: Path, content: Mapping[str, Any], places: Mapping[str, str]) -> Study:
    """Create a study, named after its file.

    Args:
        path: the file.
        content: content of the file, by key.
        places: file and line of each key.

    Raises:
        InputError: with the file, and the invalid key.
    """
    hints = get_type_hints(Study)
    read: dict[str, Any] = {"name": path.stem}
    for name, value in content.items():
        if name not in hints:
            raise InputError(f"{places[name]}: a study has no '{name}'{nearest(name, hints)}")
        try:
            read[name] = _read(name, hints[name], value)
        except Exception as error:
            raise InputError(f"{places[name]}: {name}: {_innermost(error)}") from error
    for name in ("experiment", "seeds", "methods"):
        if name not in content:
            raise InputError(f"{path}: {name} is missing")
    try:
        check_folder_name(read["name"], "name")
        return Study(**read)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def check_metrics(study: Study, runs: Sequence[PlannedRun]) -> None:
    """Reject metrics that no task of a study has, or that a run does not log.

    Args:
        study: the study.
        runs: its runs, whose configurations contain the tasks.

    Raises:
        InputError: with the task, and the metric that was probably intended.
    """
    tasks = {name: each for run in runs for name, each in run.config["model"]["tasks"].items()}
    asked = [("metrics", name, [metric]) for name, metric in study.metrics.items()]
    asked += [("further_metrics", name, each) for name, each in study.further_metrics.items()]
    if study.delta_m is not None:
        asked += [("delta_m", name, each) for name, each in study.delta_m.metrics.items()]
    for key, name, metrics in asked:
        try:
            task = parsed(Task, tasks[name])
        except Exception:
            # Errors of the task itself are reported when the run is checked.
            continue
        known = {str(each): metric for each, metric in task.metrics().items()}
        for metric in metrics:
            _, own = split_part(metric)
            if own not in known:
                near = nearest(own, known)
                raise InputError(f"{key}: task '{name}' has no '{own}'{near}")
            if key != "further_metrics" and known[own].higher_is_better is None:
                raise InputError(
                    f"{key}: the task '{name}' cannot be compared by '{own}', which does not "
                    "define whether higher is better; name it in further_metrics"
                )
            check_part(key, metric, name, runs)


def _read(name: str, hint: Any, value: Any) -> Any:
    if name == "methods":
        if value is None:
            raise InputError("it is empty; name at least one method, or write {} for none")
        methods = _mapping(value, "methods by name, each with its tasks or settings")
        return {each: _method(each, settings) for each, settings in methods.items()}
    # Class paths in them are for the runs to instantiate, so they are not parsed.
    if name == "settings":
        return _settings(value)
    if name == "vary":
        varied = _mapping(value or {}, "names, each with the settings of a repetition")
        return {each: _settings(settings) for each, settings in varied.items()}
    if value is None:
        raise InputError("it is empty; write its value after the colon")
    return _delta_m(value) if name == "delta_m" else parsed(hint, value)


def _delta_m(value: Any) -> DeltaM:
    content = _mapping(value, "the metrics by task")
    hints = get_type_hints(DeltaM)
    for name in content:
        if name not in hints:
            raise InputError(f"there is no '{name}'{nearest(name, hints)}")
    if "metrics" not in content:
        raise InputError("metrics is missing; give the metrics by task")
    found: DeltaM = parsed(DeltaM, content)
    return found


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"it is {value!r:.60}; give {what}")
    return value


def _settings(value: Any) -> dict[str, Any]:
    # An empty value changes nothing.
    told = _mapping({} if value is None else value, "settings by their dotted names")
    return dict(without_quotes(told))


def _method(method: str, value: Any) -> Method:
    content = _mapping({} if value is None else value, f"the tasks or settings of '{method}'")
    hints = get_type_hints(Method)
    for name in content:
        if name not in hints:
            raise InputError(f"a method has no '{name}'{nearest(name, hints)}")
    given = {}
    for name in PARSED:
        try:
            given[name] = parsed(hints[name], content.get(name))
        except Exception as error:
            raise InputError(f"{name} of '{method}': {_innermost(error)}") from None
    return Method(**given, settings=_settings(content.get("settings")))


def _innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return EXPECTED.sub(_plainly, " ".join(str(error).split()))


def _plainly(refused: re.Match[str]) -> str:
    words = {each.__name__: said for each, (said, _) in WORDS.items()}
    kind = words.get(refused["kind"], f"a {refused['kind']}")
    return f"it should be {kind}, not {refused['value']}"
