"""What is no checkpoint is refused in words of ours, which never advise to trust it."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer

from multitask import InputError, MultiTask
from multitask.checkpoints.atomic_writing import AtomicCheckpointIO
from multitask.checkpoints.reading import read_checkpoint
from multitask.checkpoints.states import check_states
from multitask.data import DataModule
from multitask.training import SkippedSteps

pytestmark = pytest.mark.filterwarnings("ignore")


class Stranger:
    """What no checkpoint of a run holds."""


STRANGE: dict[str, Any] = {
    "an object of one's own": {"state_dict": Stranger()},
    "an object of Python": {"state_dict": {}, "day": date(2020, 1, 1)},
    "a function": {"state_dict": {}, "call": print},
}


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE)
def test_objects_are_refused_without_advice_to_trust_them(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    torch.save(content, path)
    for read in (
        lambda: read_checkpoint(path),
        lambda: MultiTask.load_from_checkpoint(path, weights_only=True),
        lambda: AtomicCheckpointIO().load_checkpoint(path, weights_only=True),
    ):
        with pytest.raises(InputError, match="it contains an object of ") as refused:
            read()
        assert "weights_only" not in str(refused.value)
        assert "PyTorch" not in str(refused.value)


def test_a_pickle_of_before_zip_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    path.write_bytes(pickle.dumps({"state_dict": {}}))
    with pytest.raises(InputError, match="damaged, or is not a checkpoint"):
        read_checkpoint(path)
    with pytest.raises(
        InputError, match=r"model\.ckpt: the file is damaged, or is not a checkpoint"
    ):
        MultiTask.load_from_checkpoint(path, weights_only=True)


@pytest.mark.parametrize("content", [3, [1], {"state_dict": 3}, {"state_dict": {3: 4}}, {}])
def test_what_is_no_checkpoint_of_a_run(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    torch.save(content, path)
    with pytest.raises(InputError, match="not a checkpoint of a run"):
        read_checkpoint(path)


def test_a_file_that_would_unpack_to_more_than_it_is(tmp_path: Path) -> None:
    path, bomb = tmp_path / "model.ckpt", tmp_path / "bomb.ckpt"
    torch.save({"state_dict": {"weight": torch.zeros(1_000_000)}}, path)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        for record in whole.infolist():
            packed.writestr(record.filename, whole.read(record))
    with pytest.raises(InputError, match="is compressed"):
        read_checkpoint(bomb)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("hyper_parameters", lambda kept: {**kept, "tasks": 3}),
        ("hyper_parameters", lambda kept: {}),
        ("hyper_parameters", lambda kept: {**kept, "_instantiator": "os.getcwd"}),
        ("state_dict", lambda kept: {**kept, "heads.kind.layers.0.weight": None}),
        ("multitask", lambda kept: None),
    ],
)
def test_a_model_that_cannot_be_made_is_told_in_one_sentence(
    key: str,
    change: Callable[[Any], Any],
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    tmp_path: Path,
) -> None:
    fitted, path = trainer(max_epochs=1, limit_train_batches=1), tmp_path / "model.ckpt"
    fitted.fit(tiny_model(), tiny_data())
    fitted.save_checkpoint(path)
    content = torch.load(path, weights_only=True)
    torch.save({**content, key: change(content[key])}, path)
    with pytest.raises(InputError, match="checkpoint") as refused:
        MultiTask.load_from_checkpoint(path, weights_only=True)
    assert "trust" not in str(refused.value)


@pytest.mark.parametrize("state", [3, {"count": "3"}, {"count": None}, {"count": []}])
def test_states_of_other_kinds_are_refused(state: Any) -> None:
    check_states({}, [SkippedSteps(1)])
    check_states({"SkippedSteps": {"count": 3}}, [SkippedSteps(1)])
    with pytest.raises(InputError, match=r"its 'SkippedSteps(\.count)?' is a "):
        check_states({"SkippedSteps": state}, [SkippedSteps(1)])
