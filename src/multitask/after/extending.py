"""The configuration that adds tasks to a trained model and keeps its existing tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from multitask import sharing
from multitask.after.older_checkpoints import VOUCHED
from multitask.checkpoints.format import is_of_episodes, refuse_ensemble
from multitask.checkpoints.named_checkpoint import named_checkpoint, near_path
from multitask.checkpoints.reading import read_checkpoint
from multitask.configuration.settings import Setting, read_config
from multitask.configuration.tree import laid_over
from multitask.configuration.trust import names_others
from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.pages.yaml_text import to_yaml
from multitask.runs.deciding_files import whole_config
from multitask.runs.folder import CONFIG, folder_of

KEEP_TASKS = "multitask.callbacks.KeepTasks"
OF_CHECKPOINT = ("encoder", "sharing")
"""Parts of the model that all tasks share, whose weights are those of the checkpoint."""
TABLES = ("path", "sources")
"""Settings of data that specify the tables, whose columns are the targets."""


@dataclass(frozen=True)
class Extension:
    """Settings that add tasks to a run.

    Args:
        checkpoint: checkpoint whose tasks are kept.
        settings: the run's configuration, merged with that of the new tasks.
        kept: names of the run's tasks.
        new: names of the new tasks.
        encoder: the checkpoint's description of the encoder; None if there is none.
        trust: whether the checkpoint may name any class.
    """

    checkpoint: Path
    settings: Setting
    kept: Sequence[str]
    new: Sequence[str]
    encoder: Any
    trust: bool

    def text(self, experiment: str) -> str:
        """The configuration, as YAML.

        Args:
            experiment: name of the folder of its runs.
        """
        plain: dict[str, Any] = self.settings.plain()
        plain.pop("ckpt_path", None)
        if self.encoder is not None:
            plain["model"] = {**plain["model"], "encoder": self.encoder}
        run = {**(plain.get("run") or {}), "experiment": experiment}
        plain["run"] = {**run, "weights": str(self.checkpoint)}
        trainer = plain.get("trainer") or {}
        callbacks = [*_others(trainer.get("callbacks")), self._callback()]
        plain["trainer"] = {**trainer, "callbacks": callbacks}
        kept, new = (listed(names, len(names)) for names in (self.kept, self.new))
        head = f"# Learns {new}, and keeps {kept} of {self.checkpoint}."
        return f"{head}\n{to_yaml(plain)}"

    def _callback(self) -> dict[str, Any]:
        settings = {"checkpoint": str(self.checkpoint), "tasks": list(self.kept)}
        trust = {"trust": True} if self.trust else {}
        return {"class_path": KEEP_TASKS, "init_args": {**settings, **trust}}


def extension(run: Path, tasks: Path, trust: bool, keeps: bool = True) -> Extension:
    """Merge the configuration of new tasks into that of a run.

    Args:
        run: the run's folder, or a checkpoint in it.
        tasks: file with ``model.tasks``, and any other settings to change, such as ``data``.
        trust: whether the run's configuration and checkpoint may name any class.
        keeps: whether the run's tasks continue to be trained. If not, the tasks and data of a run
            with episodes are removed, because they have no meaning outside an episode.

    Raises:
        InputError: if there is no such run, or the file names no new task.
    """
    checkpoint = named_checkpoint(run)
    if checkpoint.is_dir():
        raise InputError(
            f"{run} is a folder for the hub, which lacks the {CONFIG} of a run; name the folder of "
            "the run that it was written from"
        )
    if not checkpoint.is_file():
        raise InputError(f"there is no checkpoint {checkpoint}{near_path(checkpoint)}")
    try:
        content = read_checkpoint(checkpoint, mmap=True)
        refuse_ensemble(content)
    except InputError as error:
        raise InputError(f"{checkpoint}: {error}") from error
    added = read_config(tasks)
    base = _of_run(run, checkpoint, trust)
    if is_of_episodes(content):
        if keeps:
            raise InputError(
                f"{run} was trained on episodes, outside of which its tasks have no meaning that "
                "could be kept; start training from its encoder, with multitask.encoders.FromRun"
            )
        base = _encoder_alone(base)
    base = _without_columns_of_other_tables(base, added)
    kept, new = _tasks(base), _new_tasks(added, tasks)
    for name in new:
        if name in kept:
            raise InputError(f"{tasks}: the run already has a task '{name}'; give it another name")
    told = content.get("hyper_parameters") or {}
    if keeps:
        _refuse_by_place(run, told.get("sharing"))
    settings = laid_over(base, added)
    return Extension(checkpoint, settings, list(kept), list(new), told.get("encoder"), trust)


def _refuse_by_place(run: Path, described: Any) -> None:
    path = described.get("class_path") if isinstance(described, dict) else described
    scheme = getattr(sharing, str(path).rpartition(".")[2], None)
    if getattr(scheme, "is_by_place", False):
        raise InputError(
            f"{run} was trained with {scheme.__name__}, which has parts for each task by "  # type: ignore[union-attr]
            "position, so no task can be added; train all tasks together from scratch, or extend a "
            "run with another sharing scheme, such as MMoE"
        )


def _of_run(run: Path, checkpoint: Path, trust: bool) -> Setting:
    folder = folder_of(checkpoint)
    if folder is None:
        what = (
            f"{run} is not the folder of a run: it has no {CONFIG}"
            if run.is_dir()
            else f"{run} is not in a run's folder"
        )
        raise InputError(
            f"{what}, which completes the new tasks' configuration; name the folder of a run"
        )
    path = whole_config(folder)
    if not trust and names_others(path.read_text(encoding="utf-8")):
        raise InputError(
            f"{path} names classes of other packages than the known ones; if you trust who wrote "
            "it, add --trust"
        )
    settings = read_config(path, untrusted="" if trust else VOUCHED)
    if not _tasks(settings):
        raise InputError(f"{path} names no task; give the folder of a run that was trained")
    return settings


def _encoder_alone(base: Setting) -> Setting:
    """Remove the tasks of a run with episodes, and its data."""
    model = base.entries["model"]
    without_tasks = {name: each for name, each in model.entries.items() if name != "tasks"}
    left = {name: each for name, each in base.entries.items() if name != "data"}
    return replace(base, content={**left, "model": replace(model, content=without_tasks)})


def _without_columns_of_other_tables(base: Setting, added: Setting) -> Setting:
    """Remove the run's targets if the file specifies another table with its targets."""
    old, new = _data_settings(base), _data_settings(added)
    has_other = any(
        name in new and (name not in old or new[name].plain() != old[name].plain())
        for name in TABLES
    )
    if "targets" not in old or "targets" not in new or not has_other:
        return base
    data = base.entries["data"]
    left = {name: each for name, each in old.items() if name != "targets"}
    if "init_args" in data.entries:
        left = {**data.entries, "init_args": replace(data.entries["init_args"], content=left)}
    return replace(base, content={**base.entries, "data": replace(data, content=left)})


def _data_settings(settings: Setting) -> Mapping[str, Setting]:
    data = settings.entries.get("data")
    return data.entries.get("init_args", data).entries if data else {}


def _tasks(settings: Setting) -> Mapping[str, Setting]:
    model = settings.entries.get("model")
    tasks = model.entries.get("tasks") if model else None
    return tasks.entries if tasks else {}


def _new_tasks(settings: Setting, path: Path) -> Mapping[str, Setting]:
    model = settings.entries.get("model")
    for name in OF_CHECKPOINT if model else ():
        if name in model.entries:  # type: ignore[union-attr]
            raise InputError(
                f"{path}: model.{name} cannot change, because its weights are those of the run; "
                "remove it"
            )
    if not (found := _tasks(settings)):
        raise InputError(f"{path} has no model.tasks; name the new tasks there")
    return found


def _others(callbacks: Any) -> list[Any]:
    """A run's callbacks, except those that kept the tasks of an earlier run."""
    given = callbacks if isinstance(callbacks, list) else [] if callbacks is None else [callbacks]

    def path(each: Any) -> str:
        return str(each.get("class_path") if isinstance(each, dict) else each)

    return [each for each in given if path(each).rpartition(".")[2] != "KeepTasks"]
