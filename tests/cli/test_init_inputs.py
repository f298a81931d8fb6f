"""``multitask init`` for tables of texts, of numbers, and of images beside texts."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch import Callback
from PIL import Image

from multitask.callbacks.figures import Figures
from multitask.callbacks.gradient_telemetry import GradientTelemetry
from multitask.callbacks.learning_curves import LearningCurves
from multitask.runs import run_callbacks

ROWS = 60
QUICK = (
    "--trainer.accelerator=cpu",
    "--run.wandb=off",
    "--trainer.max_epochs=1",
    "--trainer.limit_train_batches=2",
)
WORDS = ("a fine film", "a dull book", "some more of it", "none of this at all", "the end")
Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _own_cache(_own_folder: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MULTITASK_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def _figures_of_the_test_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # The others take most of the time, and are drawn from the same inputs.
    for drawn in (Figures, LearningCurves):
        monkeypatch.setattr(drawn, "on_train_end", Callback.on_train_end)
    monkeypatch.setattr(run_callbacks, "Figures", partial(Figures, samples=4))
    monkeypatch.setattr(run_callbacks, "GradientTelemetry", lambda path: GradientTelemetry())


def write(name: str, **columns: Any) -> None:
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])


def prose() -> list[str]:
    return [
        " ".join(WORDS[(row * each) % 5] for each in (1, 2, 3)) + f" {row}" for row in range(ROWS)
    ]


def written(name: str) -> dict[str, Any]:
    return yaml.safe_load(Path(name).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def fitted(multitask: Callable[..., None], name: str, *arguments: str) -> Path:
    multitask("fit", f"--config={name}.yaml", *QUICK, *arguments)
    (run,) = Path("runs", name).iterdir()
    return run


def test_reviews(multitask: Callable[..., None], capsys: Said) -> None:
    texts = prose()
    texts[3] = ""
    texts[5] = texts[6]
    stars = [row % 5 for row in range(ROWS)]
    moods = [f"{row / 7:.3f}" for row in range(ROWS)]
    kinds = ["film" if row % 2 else "book" for row in range(ROWS)]
    write("reviews.csv", review=texts, kind=kinds, stars=stars, mood=moods)
    multitask("init", "reviews.csv")
    said = capsys.readouterr().out
    assert "Inputs: text (column review). Targets: kind, stars and mood." in said
    assert "## text: 59 texts" in said
    experiment = written("reviews.yaml")
    data = experiment["data"]["init_args"]
    assert data["image_column"] is None
    assert data["cleaning"] == {"missing_input": "skip"}
    assert experiment["model"]["encoder"]["class_path"] == "multitask.encoders.BagOfTokens"
    run = fitted(multitask, "reviews")
    page = (run / "figures/test/predictions.html").read_text(encoding="utf-8")
    assert any(f"<td>{text}</td>" in page for text in texts)
    assert (run / "figures/data/samples.png").exists()
    multitask("predict", f"--ckpt_path={run}/checkpoints/best.ckpt", *QUICK[:2])
    (table,) = run.glob("predict/*/predictions.csv")
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["name"].startswith("row ")
    assert texts[int(rows[0]["name"].split()[1]) - 2] == rows[0]["text"]
    multitask("inspect", "reviews.yaml")
    assert "## text: 59 texts" in capsys.readouterr().out


def test_numbers_and_categories(multitask: Callable[..., None], capsys: Said) -> None:
    numbers = [f"{(row * 17) % 23}.5" if row % 9 else "" for row in range(ROWS)]
    write(
        "houses.csv",
        id=[f"h{row}" for row in range(ROWS)],
        area=numbers,
        city=[("Rome", "Oslo", "Bern")[row % 3] for row in range(ROWS)],
        price=[f"{row * 3 + 100}.5" for row in range(ROWS)],
    )
    multitask("init", "houses.csv")
    said = capsys.readouterr().out
    assert "Inputs: numbers (columns area and city). Targets: price." in said
    assert "guessed" in said
    experiment = written("houses.yaml")
    assert experiment["model"]["encoder"]["init_args"]["sizes"] == [1, 3]
    run = fitted(multitask, "houses")
    page = (run / "figures/test/predictions.html").read_text(encoding="utf-8")
    assert ", city Oslo</td>" in page
    multitask("init", "houses.csv", "--output=other.yaml", "--targets=city,area", "--inputs=price")
    other = written("other.yaml")["data"]["init_args"]
    assert list(other["targets"]) == ["area", "city"]
    assert other["inputs"]["numbers"]["columns"] == ["price"]


def test_images_beside_texts_and_numbers(multitask: Callable[..., None], capsys: Said) -> None:
    for row in range(ROWS):
        Image.new("L", (8, 8), row * 4).save(f"{row}.png")
    write(
        "both.csv",
        file_name=[f"{row}.png" for row in range(ROWS)],
        caption=prose(),
        age=[f"{row * 7 % 30}.5" for row in range(ROWS)],
        size=[f"{row}.25" for row in range(ROWS)],
    )
    multitask("init", "both.csv", "--inputs=caption,age")
    assert "Inputs: image (column file_name), text (column caption) and numbers (column age)" in (
        capsys.readouterr().out
    )
    encoders = written("both.yaml")["model"]["encoder"]["init_args"]["encoders"]
    assert list(encoders) == ["image", "text", "numbers"]
    run = fitted(multitask, "both")
    assert (run / "figures/test/samples.png").exists()
