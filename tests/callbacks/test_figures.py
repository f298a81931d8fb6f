"""The table of samples: right rows, for the right split, in the folder and at W&B."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger
from matplotlib.figure import Figure

from multitask import MultiTask
from multitask.augmentation import ColorJitter
from multitask.callbacks import Figures, figures
from multitask.data import DataModule, Mixture
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.faces import on_one_scale, show_samples
from multitask.encoders import MLP
from multitask.tasks import Regression


class Logger(WandbLogger):
    """Remembers the tables that it is given."""

    def __init__(self) -> None:
        self.tables: dict[str, tuple[list[str], list[list[Any]]]] = {}

    @property
    def name(self) -> str:
        return "a logger"

    @property
    def version(self) -> str:
        return "a version"

    @property
    def save_dir(self) -> str:
        return "."

    def log_table(self, key: str, columns: Any = None, data: Any = None, **_: Any) -> None:
        self.tables[key] = (columns, data)

    def _nothing(self, *_: Any, **__: Any) -> None:
        pass

    log_image = log_metrics = log_hyperparams = log_graph = _nothing
    save = finalize = after_save_checkpoint = _nothing


@pytest.fixture
def logger() -> Logger:
    """A logger that remembers tables."""
    return Logger()


@pytest.fixture
def empty_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of tasks are empty: to draw them takes most of a test's time."""
    monkeypatch.setattr(figures, "draw_task", lambda *_: Figure())


def indices(page: Path) -> list[int]:
    return [int(index) for index in re.findall(r"<tr>\s*<td[^>]*>(\d+)</td>", page.read_text())]


def pictures(batch: dict[str, torch.Tensor], data: DataModule) -> torch.Tensor:
    return torch.stack([each["image"] for each in show_samples(batch, data.faces())])  # type: ignore[misc]


def test_samples_have_their_files_where_they_have_any(
    logger: Logger,
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    empty_figures: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, data = tiny_model(), tiny_data(batch_size=7)
    names = {"test": [f"{place}.png" for place in range(24)]}
    monkeypatch.setattr(data, "names", names.get)
    made = trainer(callbacks=[Figures(tmp_path, samples=3)])
    made.loggers = [logger]
    made.test(model, data, verbose=False)
    columns, rows = logger.tables["predictions/test"]
    assert columns[2] == "file"
    assert [row[2] for row in rows] == ["0.png", "1.png", "2.png"]
    assert "<td>2.png</td>" in (tmp_path / "test/predictions.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("verb", "split"), [("test", "test"), ("validate", "val")])
def test_the_first_samples_with_what_the_model_says_of_them(
    verb: str,
    split: str,
    logger: Logger,
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    empty_figures: None,
) -> None:
    model, data = tiny_model().eval(), tiny_data(batch_size=7)
    made = trainer(callbacks=[Figures(tmp_path, samples=10)])
    made.loggers = [logger]
    getattr(made, verb)(model, data, verbose=False)
    assert indices(tmp_path / split / "predictions.html") == list(range(10))
    assert logger.tables.keys() == {f"predictions/{split}"}
    columns, rows = logger.tables[f"predictions/{split}"]
    assert columns[:3] == ["index", "image", "kind target"]
    assert [row[0] for row in rows] == list(range(10))
    batch = data.splits[split][torch.arange(10)]
    with torch.no_grad():
        expected = model.predict(batch["image"])
    for place, row in enumerate(dict(zip(columns, row, strict=True)) for row in rows):
        kind = int(batch["kind"][place])
        assert row["kind target"] == (None if kind == -100 else str(kind))
        assert row["kind prediction"] == str(int(expected["kind"][place].argmax()))
        assert row["size prediction"] == pytest.approx(float(expected["size"][place]), rel=1e-5)
        pixels = torch.tensor(np.array(row["image"].image)).flatten()
        shown = batch["image"][place].flatten()
        low, high = batch["image"].min(), batch["image"].max()
        scaled = 255 * (shown - low) / (high - low)
        torch.testing.assert_close(pixels.float(), scaled, atol=0.51, rtol=0)
    assert {row[2] is None for row in rows} == {True, False}


def test_the_last_validation_of_a_training(
    logger: Logger,
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> None:
    made = trainer(callbacks=[Figures(tmp_path, samples=30)])
    made.loggers = [logger]
    made.fit(tiny_model(), tiny_data())
    assert indices(tmp_path / "val/predictions.html") == list(range(24))
    assert logger.tables.keys() == {"predictions/val"}


def test_label_coverage_of_each_source(
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = []
    monkeypatch.setattr(figures, "draw_coverage", lambda known: drawn.append(known) or Figure())
    unknown = {"train": {"size": torch.full((24,), float("nan"))}}
    data = Mixture({"one": tiny_data(), "two": tiny_data(unknown)}, batch_size=8)
    made = trainer(callbacks=[Figures(tmp_path, samples=2)], limit_train_batches=1)
    made.fit(tiny_model(), data)
    of_splits, of_sources = drawn
    assert of_splits["train"] == {"kind": 0.5, "size": 0.375}
    assert of_sources == {
        "one": {"kind": 0.5, "size": 0.75},
        "two": {"kind": 0.5, "size": 0.0},
    }
    assert (tmp_path / "data/label_coverage_by_source.png").exists()


def test_only_the_first_process_writes(
    logger: Logger,
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = trainer(callbacks=[Figures(tmp_path / "figures")])
    made.loggers = [logger]
    monkeypatch.setattr(Trainer, "is_global_zero", False)
    made.test(tiny_model(), tiny_data(), verbose=False)
    assert not (tmp_path / "figures").exists()
    assert not logger.tables


def test_augmented_images_are_drawn_where_there_are_any(
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[torch.Tensor] = []
    original = figures.draw_samples

    def draw(samples: list[dict[str, torch.Tensor]], texts: list[str]) -> Any:
        drawn.append(torch.stack([each["image"] for each in samples]))
        return original(samples, texts)  # type: ignore[arg-type]

    monkeypatch.setattr(figures, "draw_samples", draw)
    for name, augmentations in (("plain", []), ("augmented", [ColorJitter(0.5)])):
        drawn.clear()
        made = trainer(callbacks=[Figures(tmp_path / name, samples=3)], limit_val_batches=0)
        data = tiny_data(augmentations=augmentations)
        made.fit(tiny_model(), data)
        assert (tmp_path / name / "data/augmented.png").exists() == bool(augmentations)
        first = {"image": data.splits["train"].images(torch.arange(3))}
        assert torch.equal(drawn[0], pictures(first, data))
        assert len(drawn) == 1 + len(augmentations)
    # On the scale of those that are not augmented.
    faces = on_one_scale(data.faces(), first)
    augmented = show_samples(data.augmented(torch.arange(3)), faces)
    assert torch.equal(drawn[1], torch.stack([each["image"] for each in augmented]))  # type: ignore[misc]
    assert not torch.equal(drawn[1], drawn[0])


@pytest.mark.parametrize(
    # An output of kind has 3 numbers, its target 1; size has 1 and 1; and there is the index.
    ("most_numbers", "world_size", "kept"),
    [(2**22, 1, 24), (7 * 10, 1, 10), (7 * 10, 2, 5), (7 * 10 - 1, 1, 9), (1, 1, 1), (1, 2, 1)],
)
def test_the_first_samples_are_kept_within_a_budget_of_numbers(
    most_numbers: int,
    world_size: int,
    kept: int,
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = []
    monkeypatch.setattr(Trainer, "world_size", world_size)
    monkeypatch.setattr(figures, "draw_task", lambda *each: drawn.append(each) or Figure())
    made = trainer(callbacks=[Figures(tmp_path, samples=4, most_numbers=most_numbers)])
    made.test(tiny_model(), tiny_data(batch_size=8 * world_size), verbose=False)
    assert [name for name, *_ in drawn] == ["kind", "size"]
    for _, _, prediction, target, *_ in drawn:
        assert len(prediction) == len(target) == kept
    assert len(indices(tmp_path / "test/predictions.html")) == min(4, kept)


class Columns(DataModule):
    """Numbers, and no images."""

    def load(self) -> dict[str, BatchDataset]:
        inputs = {"image": torch.rand(24, 1, 4, 4), "numbers": torch.arange(48.0).view(24, 2)}
        targets = {"kind": torch.arange(24) % 3, "size": torch.rand(24)}
        return {split: InMemory(inputs, targets) for split in ("train", "val", "test")}


def test_other_inputs_are_shown_as_text(
    logger: Logger,
    tmp_path: Path,
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    empty_figures: None,
) -> None:
    made = trainer(callbacks=[Figures(tmp_path, samples=3)], limit_train_batches=1)
    made.loggers = [logger]
    made.fit(tiny_model(), Columns(batch_size=8, seed=0))
    names, rows = logger.tables["predictions/val"]
    assert names[:3] == ["index", "image", "numbers"]
    assert [row[2] for row in rows] == ["0, 1", "2, 3", "4, 5"]
    assert "<td>4, 5</td>" in (tmp_path / "val/predictions.html").read_text(encoding="utf-8")
    assert (tmp_path / "data/samples.png").exists()


def test_fifty_tasks_are_not_fifty_pictures(
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    trainer: Callable[..., Trainer],
    empty_figures: None,
    empty_pictures: None,
) -> None:
    names = [f"t{place}" for place in range(50)]
    changed = {
        split: {name: torch.rand(24) for name in names} for split in ("train", "val", "test")
    }
    # Half of them are judged by a metric that is better when lower.
    headlines = ["mae" if place % 2 else "r2" for place in range(50)]
    tasks = {name: Regression(headline=each) for name, each in zip(names, headlines, strict=True)}
    model = MultiTask(MLP(16, hidden=[], out_features=4), tasks)
    trainer(callbacks=[Figures(tmp_path)]).test(model, tiny_data(changed), verbose=False)
    found = {path.stem for path in tmp_path.glob("**/*.png")}
    assert len(found) == figures.MOST_TASKS + 2
    assert {"samples", "test_tasks"} <= found
    contributions = model.evaluations.of("test").contributions
    worst = sorted(names, key=lambda name: float(contributions[name]))[: figures.MOST_TASKS]
    assert set(worst) <= found
