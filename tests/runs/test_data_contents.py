"""A run continues the data that it began with, or says what has changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import TestCase

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from tiny_training import TinyData, tiny_model
from torch import Tensor

from multitask.errors import InputError
from multitask.runs.data_contents import CONTENTS_FILE
from multitask.runs.data_record import DataRecord

pytestmark = pytest.mark.filterwarnings("ignore")
Begin = Callable[..., None]


@pytest.fixture
def begin(tmp_path: Path, trainer: Callable[..., Trainer]) -> Begin:
    """The first or a later part of a run, with some of its data replaced."""

    def run(**replaced: Any) -> None:
        made = trainer(callbacks=[DataRecord(tmp_path)], limit_train_batches=1)
        made.fit(tiny_model(), TinyData(**replaced))

    return run


def targets(split: str, task: str) -> Tensor:
    data = TinyData()
    data.setup()
    found = data.splits[split].targets[task]
    assert isinstance(found, Tensor)
    return found.clone()


def test_a_run_whose_data_are_as_before_goes_on(begin: Begin, tmp_path: Path) -> None:
    begin()
    content = (tmp_path / CONTENTS_FILE).read_bytes()
    begin()
    rounded = targets("train", "size") * (1 + 1e-7)
    begin(changed={"train": {"size": rounded}}, batch_size=4)
    assert (tmp_path / CONTENTS_FILE).read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == [CONTENTS_FILE]


def test_a_run_may_do_without_a_set_from_its_beginning(begin: Begin) -> None:
    begin(without=["test"])
    begin(without=["test"])
    with pytest.raises(InputError, match="val: 24 samples became 0"):
        begin(without=["val", "test"])


def test_changed_labels_are_counted_and_named(begin: Begin, tmp_path: Path) -> None:
    begin()
    kind, size = targets("train", "kind"), targets("val", "size")
    kind[7], kind[9] = kind[9].item(), kind[7].item()
    size[5:8] = torch.tensor([torch.nan, 1.0, 2.0])
    with pytest.raises(InputError) as refused:
        begin(changed={"train": {"kind": kind}, "val": {"size": size}})
    for words in (
        f"{tmp_path}: the data are not those that this run began with (train: ",
        "train: 2 of 24 targets of task 'kind' differ, the first that of sample 7",
        "val: 3 of 24 targets of task 'size' differ, the first that of sample 5); undo the change, "
        "or",
        f"--config={tmp_path / 'config.yaml'} --ckpt_path={tmp_path / 'checkpoints/last.ckpt'}",
    ):
        assert words in str(refused.value)


def test_changed_images_are_told(begin: Begin) -> None:
    begin(images=torch.zeros(24, 1, 4, 4))
    images = torch.zeros(24, 1, 4, 4)
    images[3, 0, 1, 2] = 0.5
    with pytest.raises(InputError, match="train: 1 of 24 inputs 'image' differ.* sample 3; val"):
        begin(images=images)


def test_more_or_fewer_samples_are_told(begin: Begin) -> None:
    begin()
    fewer = {task: targets("train", task)[:20] for task in ("kind", "size")}
    with pytest.raises(InputError, match="train: 24 samples became 20"):
        begin(
            images=torch.zeros(20, 1, 4, 4), changed=dict.fromkeys(("train", "val", "test"), fewer)
        )


def test_a_run_that_has_no_contents_goes_on_and_gets_them(begin: Begin, tmp_path: Path) -> None:
    begin()
    (tmp_path / CONTENTS_FILE).unlink()
    begin(images=torch.zeros(24, 1, 4, 4))
    with pytest.raises(InputError, match="differ"):
        begin()


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04", None])
def test_damaged_contents_are_told_and_written_anew(
    content: bytes | None, begin: Begin, tmp_path: Path
) -> None:
    begin()
    path = tmp_path / CONTENTS_FILE
    whole = path.read_bytes()
    middle = len(whole) // 3
    path.write_bytes(
        whole[:middle] + b"?" * 9 + whole[middle + 9 :] if content is None else content
    )
    with TestCase().assertLogs("multitask") as logged:
        begin()
    assert f"{path} cannot be read" in logged.output[0]
    with pytest.raises(InputError, match="differ"):
        begin(images=torch.zeros(24, 1, 4, 4))


def test_contents_of_another_form_are_not_compared(begin: Begin, tmp_path: Path) -> None:
    np.savez(tmp_path / CONTENTS_FILE, **{"2\ntrain\ntarget\nkind\nexact": np.zeros(3)})
    begin()


def test_a_disk_that_is_full_is_told_and_leaves_no_part(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **arrays: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("multitask.runs.data_contents.np.savez", full)
    with pytest.raises(OSError, match="No space left on device: .*contents.npz"):
        begin()
    assert not list(tmp_path.iterdir())
