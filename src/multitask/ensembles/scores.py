"""Metrics of an ensemble and its members, with and without calibration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from multitask.data import DataModule
from multitask.ensembles.confidence import Confidence, is_of_classes
from multitask.ensembles.shuffled import auroc, shuffled_patches
from multitask.ensembles.whole_split import Batch, Said, directions_of, metrics_of, on_cpu, said_of
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.tasks import Task
from multitask.tasks.pooling import Pool
from multitask.tasks.predictions import uncertainty_of

SINGLE, ENSEMBLE = "single", "ensemble"
FORMS = (SINGLE, f"{SINGLE}, calibrated", ENSEMBLE, f"{ENSEMBLE}, calibrated")
LEVEL = 0.9
"""Coverage level of the intervals from calibration."""
CONFIDENCE = "confidence"
"""Mean probability of the predicted class, as a metric beside the accuracy."""
SHUFFLED = "shuffled"
"""Prefix of the scores for telling images with shuffled patches from others."""
Row = dict[str, Any]


@dataclass
class Scores:
    """Measured metrics.

    Args:
        rows: table with columns ``form`` (one of `FORMS`), ``member`` (its index, for single
            members), ``task``, ``metric``, ``value`` and ``higher_is_better``.
        remarks: sentences on what could not be measured.
    """

    rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def scores_of(members: Sequence[MultiTask], data: DataModule) -> Scores:
    """Measure an ensemble and its members on the test set.

    Calibrations are fitted on the validation set: for each member separately, and for the ensemble
    on its pooled outputs ("pool, then calibrate", Rahaman and Thiery, 2021, arXiv 2007.08792). The
    members are evaluated one after the other, and only the pooled outputs are kept.

    Args:
        members: compatible models, in evaluation mode.
        data: data with a test set that no member was trained on.
    """
    found, pools = Scores(), _Pools(on_cpu(members[0].named_tasks))
    for place, member in enumerate(members):
        said = dict(_said(member, data))
        tasks = on_cpu(member.named_tasks)
        _measure(found, SINGLE, place, tasks, said, {})
        pools.add(tasks, said)
    _measure(found, ENSEMBLE, None, pools.tasks, pools.said(), pools.disagreements())
    found.remarks = list(dict.fromkeys(found.remarks))
    found.rows = list(_of_all_members(found.rows))
    return found


def _of_all_members(rows: Sequence[Row]) -> Iterator[Row]:
    """Drop metrics known for some members only, whose mean would cover other networks."""
    counts = Counter((row["form"], row["task"], row["metric"]) for row in rows)
    members = len({row["member"] for row in rows if row["form"] == SINGLE})
    for row in rows:
        count = counts[row["form"], row["task"], row["metric"]]
        if not row["form"].startswith(SINGLE) or count == members:
            yield row


def _said(model: MultiTask, data: DataModule) -> Iterator[tuple[str, Said]]:
    for split in ("val", "test"):
        if split in data.splits:
            yield split, said_of(model, data, split)
    if model.inputs == ("image",):
        yield SHUFFLED, said_of(model, data, "test", _shuffled)


def _shuffled(batch: Batch) -> Batch:
    return {**batch, "image": shuffled_patches(batch["image"], batch["index"])}


class _Pools:
    def __init__(self, tasks: dict[str, Task]) -> None:
        self.tasks = tasks
        self._pools: dict[str, dict[str, Pool]] = {}
        self._targets: dict[str, dict[str, Tensor]] = {}

    def add(self, tasks: Mapping[str, Task], said: Mapping[str, Said]) -> None:
        for part, each in said.items():
            if part not in self._pools:
                made = {name: task.pool() for name, task in self.tasks.items()}
                self._pools[part] = {n: pool for n, pool in made.items() if pool is not None}
                self._targets[part] = each.targets
            for name, pool in self._pools[part].items():
                pool.add(tasks[name], each.outputs[name])

    def said(self) -> dict[str, Said]:
        return {
            part: Said({name: pool.output() for name, pool in pools.items()}, self._targets[part])
            for part, pools in self._pools.items()
        }

    def disagreements(self) -> dict[str, dict[str, Tensor]]:
        """By part, the disagreements of the members, named ``<task>.<what>``."""
        return {
            part: {
                f"{name}.{what}": each
                for name, pool in pools.items()
                for what, each in pool.disagreement().items()
            }
            for part, pools in self._pools.items()
        }


def _measure(
    found: Scores,
    form: str,
    member: int | None,
    tasks: dict[str, Task],
    said: Mapping[str, Said],
    disagreements: Mapping[str, Mapping[str, Tensor]],
) -> None:
    """Add the rows of one model, with and without calibration."""
    key = {"form": form, "member": member}
    _add(found, key, tasks, said["test"])
    if SHUFFLED in said:
        _add_shuffled(found, key, tasks, said, disagreements)
    if "val" not in said:
        found.remarks.append("Nothing is calibrated, because the data have no validation set.")
        return
    calibrated = dict(_calibrated(found, tasks, said["val"]))
    _add(found, {**key, "form": f"{form}, calibrated"}, calibrated, said["test"])


def _add(found: Scores, key: Row, tasks: dict[str, Task], said: Said) -> None:
    if not tasks:
        return
    only = Said({name: said.outputs[name] for name in tasks}, said.targets)
    directions = directions_of(tasks)
    for name, value in metrics_of(tasks, only).items():
        if name in directions:
            _append(found, key, name, value, directions[name])
    for name, task in tasks.items():
        if is_of_classes(task):
            confidence = Confidence()
            confidence.add(task.predict(said.outputs[name]), said.targets[name])
            if confidence.count:
                mean = confidence.confidence / confidence.count
                _append(found, key, f"{name}/{CONFIDENCE}", mean, None)


def _add_shuffled(
    found: Scores,
    key: Row,
    tasks: dict[str, Task],
    said: Mapping[str, Said],
    disagreements: Mapping[str, Mapping[str, Tensor]],
) -> None:
    """How well each uncertainty of a classification separates shuffled images from others."""
    for name, task in tasks.items():
        if not is_of_classes(task):
            continue
        pair = []
        for part in (SHUFFLED, "test"):
            own = task.uncertainty(said[part].outputs[name])
            pair.append({**own, **uncertainty_of(name, disagreements.get(part, {}))})
        for what, values in pair[0].items():
            value = auroc(values, pair[1][what])
            _append(found, key, f"{name}/{SHUFFLED}_{what}", value, True)


def _append(found: Scores, key: Row, name: str, value: float, higher: bool | None) -> None:
    task, _, metric = name.partition("/")
    row = {"task": task, "metric": metric, "value": value, "higher_is_better": higher}
    found.rows.append({**key, **row})


def _calibrated(found: Scores, tasks: Mapping[str, Task], said: Said) -> Iterator[tuple[str, Task]]:
    """Copies of the tasks that can be calibrated."""
    for name, task in on_cpu(tasks).items():
        told: Any
        try:
            told = task.fit_calibration(said.outputs[name], said.targets[name], LEVEL)
        except InputError as error:
            found.remarks.append(f"The task '{name}' is not calibrated: {error}.")
            continue
        if told is not None:
            task.take_calibration(told)
            yield name, task
