"""``multitask explain`` and ``export`` of a run on a table of texts and numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from cli.conftest import QUICK

from multitask.cli.main import main

GOOD, BAD = "a great film and a joy", "a dull film and a pain"


def experiment(table: Path) -> Path:
    """A configuration for a table of reviews with the age of their writers."""
    told = {
        "data": {
            "class_path": "multitask.data.Table",
            "init_args": {
                "path": str(table),
                "image_column": None,
                "inputs": {
                    "text": {
                        "column": "review",
                        "tokenizer": {
                            "class_path": "multitask.tokenizers.HashedWords",
                            "init_args": {"length": 12, "vocabulary": 500},
                        },
                    },
                    "person": {"columns": ["age"]},
                },
                "targets": {
                    "kind": {"columns": "kind", "classes": ["good", "bad"]},
                    "stars": {"columns": "stars"},
                },
                "batch_size": 8,
            },
        },
        "model": {
            "encoder": {
                "class_path": "multitask.encoders.Several",
                "init_args": {
                    "out_features": 8,
                    "encoders": {
                        "text": {
                            "class_path": "multitask.encoders.TextTransformer",
                            "init_args": {
                                "vocabulary": 500,
                                "length": 12,
                                "out_features": 8,
                                "layers": 1,
                                "heads": 2,
                            },
                        },
                        "person": {
                            "class_path": "multitask.encoders.Columns",
                            "init_args": {"sizes": [1], "input": "person"},
                        },
                    },
                },
            },
            "tasks": {
                "kind": {
                    "class_path": "multitask.tasks.Classification",
                    "init_args": {"num_classes": 2},
                },
                "stars": {"class_path": "multitask.tasks.Regression"},
            },
        },
    }
    place = table.with_name("reviews.yaml")
    place.write_text(yaml.safe_dump(told, sort_keys=False))
    return place


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of a few steps."""
    folder = tmp_path_factory.mktemp("reviews")
    rows = [
        f"{GOOD if row % 2 else BAD} {row},{20 + row},{'good' if row % 2 else 'bad'},{row % 5}"
        for row in range(60)
    ]
    (folder / "reviews.csv").write_text("\n".join(["review,age,kind,stars", *rows]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        main(["fit", f"--config={experiment(folder / 'reviews.csv')}", *QUICK])
    (found,) = folder.glob("runs/*/*")
    return found


def test_a_run_is_explained_by_tokens_and_columns(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = str(run / "checkpoints/best.ckpt")
    Path("new.csv").write_text(f"review,age\n{GOOD},31\n{BAD},\n")
    main(["explain", best, "new.csv", "--class=kind:bad"])
    said = capsys.readouterr().out
    assert "The strongest effects are for kind '" in said
    (folder,) = (run / "explain").iterdir()
    page = (folder / "report.html").read_text()
    assert "Which training samples are nearest?" in page
    assert "Where do the tasks&#39; gradients agree?" in page
    near = pd.read_csv(folder / "neighbours.csv")
    assert near["training_sample"].str.contains("film").all()
    assert set(pd.read_csv(folder / "columns.csv")["column"]) == {"age"}
    assert (folder / "layers.csv").exists()
    assert (folder / "gradient_cosines.csv").exists()
    main(["explain", best, "--text=a great film"])
    assert "The strongest effects are for kind '" in capsys.readouterr().out


def test_a_run_is_exported_to_the_hubs_form(run: Path) -> None:
    best = str(run / "checkpoints/best.ckpt")
    main(["export", best, "--format=hub"])
    card = Path("best_hub/README.md").read_text()
    assert (
        "A model that reads a text and numbers and categories and performs 2 tasks at once" in card
    )
    assert "- text: A text, of which it reads the first 12 tokens, made by HashedWords." in card
    assert "text-classification" in card
    assert {each.name for each in Path("best_hub").iterdir()} == {
        "README.md",
        "config.json",
        "model.onnx",
        "model.safetensors",
        "model_text_tokenizer",
    }


def test_what_is_about_images_is_one_sentence(run: Path, fails: Callable[..., str]) -> None:
    best = str(run / "checkpoints/best.ckpt")
    said = fails("robustness", best)
    assert "changes images, but this model accepts text and person" in said
    assert "give one table" in fails("explain", best, "photos/")
