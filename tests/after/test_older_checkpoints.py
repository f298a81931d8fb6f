"""Checkpoints that do not tell what their model takes: the run's folder does, or one sentence."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from after.trained_table import SIDE, trained_checkpoint, written_table

import multitask
from multitask.checkpoints.format import KEY
from multitask.errors import InputError


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_checkpoint(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def older(whole: Path, tmp_path: Path) -> Path:
    """The same in its run's folder, without what older versions did not write."""
    path = tmp_path / "run/checkpoints/best.ckpt"
    path.parent.mkdir(parents=True)
    content = torch.load(whole, weights_only=True)
    for name in ("description", "training_images"):
        del content[KEY][name]
    torch.save(content, path)
    return path


def configure(run: Path, table: Path, **changes: Any) -> None:
    settings = {
        "targets": {
            "kind": {"columns": ["kind"], "classes": ["cat", "=dog"]},
            "pos": {"columns": ["x", "y"]},
        },
        "path": str(table),
        "image_size": SIDE,
        "cache_folder": str(run / "cache"),
        "transforms": [
            {
                "class_path": "torchvision.transforms.v2.Normalize",
                "init_args": {"mean": [0.5] * 3, "std": [0.25] * 3},
            }
        ],
    }
    data = {"class_path": "multitask.data.Table", "init_args": {**settings, **changes}}
    (run / "config.yaml").write_text(yaml.safe_dump({"seed_everything": 0, "data": data}))


def test_the_configuration_and_the_data_beside_it_tell(
    whole: Path, older: Path, tmp_path: Path
) -> None:
    table = written_table(tmp_path / "photos")
    configure(older.parents[1], table)
    image = tmp_path / "photos/3.png"
    expected = multitask.load(whole).predict(image)
    pd.testing.assert_frame_equal(multitask.load(older).predict(image), expected)


def test_what_is_missing_is_told(older: Path, tmp_path: Path) -> None:
    run = older.parents[1]
    table = written_table(tmp_path / "photos")
    with pytest.raises(InputError, match="an older version .* beside config.yaml"):
        multitask.load(older)
    (run / "config.yaml").write_text("seed_everything: 0\n")
    with pytest.raises(InputError, match="config.yaml has no data"):
        multitask.load(older)
    configure(run, table, transforms=[{"class_path": "os.system"}])
    with pytest.raises(InputError, match="os.system"):
        multitask.load(older)
    shutil.rmtree(table.parent)
    configure(run, table)
    with pytest.raises(
        InputError, match="config.yaml: the data that .* needs cannot be made: .*animals.csv"
    ):
        multitask.load(older)
