"""Metrics in a study logged by callbacks of its runs: of changed images and of few labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from multitask.callbacks.few_shot_evaluation import FewShotEvaluation
from multitask.callbacks.robust_evaluation import RobustEvaluation
from multitask.errors import InputError, nearest
from multitask.study.parsing import parsed
from multitask.study.plan import PlannedRun

Evaluating = RobustEvaluation | FewShotEvaluation
KINDS = {each.__name__: each for each in (RobustEvaluation, FewShotEvaluation)}
PLACES = ("trainer.callbacks", "trainer.callbacks+")
"""Settings that contain callbacks."""


def split_part(metric: str) -> tuple[str, str]:
    """Split a metric into the images that it covers and the task's name for it.

    Args:
        metric: a name such as ``accuracy``, ``robust/inf-0.02/accuracy`` or
            ``few_shot/5/accuracy``.

    Returns:
        For example ``robust/inf-0.02``, which is empty for unchanged images, and ``accuracy``.
    """
    part, _, name = metric.rpartition("/")
    return part, name


def name_in_tests(task: str, metric: str) -> str:
    """The name under which a run logs a metric of the test set.

    Args:
        task: the task's name.
        metric: see `split_part`.
    """
    part, name = split_part(metric)
    return "/".join(each for each in ("test", part, task, name) if each)


def check_part(key: str, metric: str, task: str, runs: Sequence[PlannedRun]) -> None:
    """Reject a metric that a run of the task does not log.

    Args:
        key: key in the study's file, for the message.
        metric: see `split_part`.
        task: the task's name.
        runs: runs of the study.

    Raises:
        InputError: with the run, and what would be valid.
    """
    part, _ = split_part(metric)
    if not part:
        return
    # Most runs have the same callbacks, and making them takes long.
    checked: list[list[Any]] = []
    for run in runs:
        callbacks = _callbacks(run)
        if run.tests and task in run.config["model"]["tasks"] and callbacks not in checked:
            checked.append(callbacks)
            known = [name for each in _evaluations(callbacks) for name in each.parts]
            if part not in known:
                kind = "FewShotEvaluation" if part.startswith("few_shot") else "RobustEvaluation"
                cure = nearest(part, known) or f"; add the callback {kind} to its trainer.callbacks"
                raise InputError(f"{key}: the run {run.title} does not measure '{part}'{cure}")


def _callbacks(run: PlannedRun) -> list[Any]:
    given = [run.settings[place] for place in PLACES if place in run.settings]
    if PLACES[0] not in run.settings:
        given.append((run.config.get("trainer") or {}).get("callbacks"))
    return [
        each for several in given for each in (several if isinstance(several, list) else [several])
    ]


def _evaluations(callbacks: Sequence[Any]) -> Iterator[Evaluating]:
    for each in callbacks:
        made = _made(each)
        if made is not None:
            yield made


def _made(callback: Any) -> Evaluating | None:
    told = callback.get("class_path") if isinstance(callback, dict) else callback
    kind = KINDS.get(told.rpartition(".")[2]) if isinstance(told, str) else None
    if kind is None:
        return None
    try:
        return parsed(kind, callback)
    except Exception:
        # Errors of the callback itself are reported when the run is checked.
        return None
