"""The versions of a model that W&B is handed, with a run that only remembers them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger

from multitask import MultiTask
from multitask.callbacks import BestCheckpoint
from multitask.runs.checkpoint_artifacts import CheckpointArtifacts


class Run:
    """Remembers each version's name, type, metadata, aliases and files."""

    id = "the-id"

    def __init__(self) -> None:
        self.versions: list[dict[str, Any]] = []

    def log_artifact(self, artifact: Any, aliases: list[str]) -> None:
        entries = artifact.manifest.entries.items()
        files = {name: Path(entry.local_path).read_bytes() for name, entry in entries}
        kept = {"name": artifact.name, "type": artifact.type, "metadata": artifact.metadata}
        self.versions.append({**kept, "aliases": aliases, "files": files})


class Logger(WandbLogger):
    """A logger of that run."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @property
    def experiment(self) -> Any:
        return self.run


@pytest.fixture
def sent(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> Callable[..., list[dict[str, Any]]]:
    """The versions that are made of checkpoints of these steps."""
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    (tmp_path / "config.yaml").write_text("seed_everything: 0")
    (tmp_path / "checkpoints").mkdir()

    def end_of_training(score: float | None = 0.5, **steps: int) -> list[dict[str, Any]]:
        for name, step in steps.items():
            content = {"epoch": step // 10, "global_step": step, "name": name}
            torch.save(content, tmp_path / f"checkpoints/{name}.ckpt")
        run, model = Run(), tiny_model()
        best = BestCheckpoint(tmp_path / "checkpoints")
        best.best_model_score = None if score is None else torch.tensor(score)
        made = trainer(callbacks=[best], enable_checkpointing=True)
        made.loggers = [Logger(run)]
        model.trainer = made
        CheckpointArtifacts(tmp_path).on_fit_end(made, model)
        return run.versions

    return end_of_training


def test_best_and_last_are_two_versions_the_last_one_newest(
    sent: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    best, last = sent(best=10, last=30)
    for version, alias in ((best, "best"), (last, "latest")):
        assert (version["name"], version["type"]) == ("model-the-id", "model")
        assert version["aliases"] == [alias]
        assert version["files"]["config.yaml"] == b"seed_everything: 0"
    assert best["files"]["model.ckpt"] == (tmp_path / "checkpoints/best.ckpt").read_bytes()
    assert last["files"]["model.ckpt"] == (tmp_path / "checkpoints/last.ckpt").read_bytes()
    known = {"best_score": 0.5, "tasks": ["kind", "size"]}
    assert best["metadata"] == {"epoch": 1, "step": 10, **known}
    assert last["metadata"] == {"epoch": 3, "step": 30, **known}


def test_one_version_that_can_be_resumed_from_where_the_best_is_the_last(
    sent: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    (version,) = sent(best=30, last=30)
    assert version["aliases"] == ["best", "latest"]
    assert version["files"]["model.ckpt"] == (tmp_path / "checkpoints/last.ckpt").read_bytes()


def test_without_validation_there_is_only_the_last(
    sent: Callable[..., list[dict[str, Any]]],
) -> None:
    (version,) = sent(score=None, last=30)
    assert version["aliases"] == ["latest"]
    assert version["metadata"]["best_score"] is None


def test_the_configuration_is_that_of_the_last_part(
    sent: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    (tmp_path / "config-2.yaml").write_text("seed_everything: 1")
    (version,) = sent(last=30)
    assert version["files"]["config.yaml"] == b"seed_everything: 1"


def test_what_was_handed_over_is_not_changed_by_a_later_checkpoint(
    sent: Callable[..., list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[Path] = []

    def remember(run: Run, artifact: Any, aliases: list[str]) -> None:
        places.append(Path(artifact.manifest.entries["model.ckpt"].local_path))

    monkeypatch.setattr(Run, "log_artifact", remember)
    sent(last=30)
    first = (tmp_path / "checkpoints/last.ckpt").read_bytes()
    sent(last=40)
    assert places[0].read_bytes() == first != (tmp_path / "checkpoints/last.ckpt").read_bytes()


def test_sharded_checkpoints_are_folders(
    sent: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoints/best.ckpt"
    folder.mkdir()
    torch.save({"epoch": 0, "global_step": 5}, folder / "meta.pt")
    (folder / "share").write_bytes(b"weights")
    best, last = sent(last=30)
    assert best["files"].keys() == {"model.ckpt/meta.pt", "model.ckpt/share", "config.yaml"}
    assert best["metadata"]["step"] == 5
    assert last["aliases"] == ["latest"]
