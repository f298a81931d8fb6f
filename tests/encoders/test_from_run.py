"""A run starts with the encoder of another, which it needs only once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from encoders.made_checkpoints import written
from tiny_training import tiny_model
from torch import Tensor, nn

from multitask import MultiTask
from multitask.checkpoints.source import weight_files, weights_are_in
from multitask.encoders import MLP, Encoder, FromRun, FromWeights
from multitask.encoders.from_run import encoder_weights
from multitask.errors import InputError
from multitask.sharing import CrossStitch, MMoE
from multitask.tasks import Regression


class Doubled(Encoder):
    """A person's own encoder, with another one in it."""

    def __init__(self, inner: Encoder) -> None:
        super().__init__()
        self.inner, self.out_features = inner, 2 * inner.form.features

    def forward(self, image: Tensor) -> Tensor:
        return self.inner(image).repeat(1, 2)


def same(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(
        torch.equal(ours[each], theirs[each]) for each in ours
    )


def test_weights_and_buffers_are_those_of_the_run(tmp_path: Path) -> None:
    first = written(tmp_path / "run/checkpoints/best.ckpt")
    for place in (tmp_path / "run", str(tmp_path / "run/checkpoints/best.ckpt")):
        encoder = FromRun(place)
        assert type(encoder) is MLP
        assert same(encoder, first.encoder)
        assert encoder.form == first.encoder.form


class Normalising(MLP):
    """Has buffers of the name that older checkpoints lack."""

    def __init__(self) -> None:
        super().__init__(in_features=16, hidden=[8])
        self.first = nn.Module()
        self.first.normalisation = nn.BatchNorm1d(16)


def test_a_checkpoint_from_before_images_were_normalised() -> None:
    encoder = Normalising()
    # As in a run whose tasks share experts behind it.
    state = {f"encoder.encoder.{name}": each for name, each in encoder.state_dict().items()}
    old = {name: each for name, each in state.items() if ".normalisation." not in name}
    assert len(encoder_weights(old, encoder)) == len(old) < len(state)


def test_the_new_run_needs_no_other_file(tmp_path: Path) -> None:
    path, again = tmp_path / "first.ckpt", tmp_path / "new.ckpt"
    written(path)
    for encoder in (FromRun(path), FromWeights(MLP(16, [], 8), path, "encoder.")):
        new = MultiTask(encoder, {"other": Regression()})
        assert weight_files(new)[0].sha256
        written(again, new)
        moved = path.rename(tmp_path / "gone")
        assert same(MultiTask.load_from_checkpoint(again), new)
        # As when it is resumed: the settings still name the file.
        with weights_are_in(again):
            assert same(FromRun(path), new.encoder)
            assert type(FromWeights(MLP(16, [], 8), path)) is MLP
            assert not weight_files(MultiTask(FromRun(path), {"other": Regression()}))
        moved.rename(path)


def test_within_another_encoder_it_is_described_by_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "first.ckpt"
    written(path)
    model = MultiTask(Doubled(FromRun(path)), {"other": Regression()})
    assert "FromRun" not in str(model.hparams)
    assert model.hparams["encoder"]["init_args"]["inner"]["class_path"].endswith(".MLP")


def test_what_tasks_share_behind_it_is_left(tmp_path: Path) -> None:
    path = tmp_path / "first.ckpt"
    first = written(path, sharing=MMoE)
    encoder = FromRun(path)
    assert same(encoder, first.encoder.encoder)  # type: ignore[arg-type]
    assert encoder.source.sentence.endswith("without what its tasks share behind it")
    tasks: dict[str, Any] = {name: Regression() for name in "abc"}
    columns = MultiTask(encoder, tasks, sharing=CrossStitch).encoder.columns
    assert all(same(each, encoder) for each in columns.values())  # type: ignore[union-attr, operator]


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, r"there is no checkpoint .*best.ckpt; did you mean '.*bext.ckpt'\?"),
        (lambda path: path.write_text("no"), "the file is damaged, or is not a checkpoint"),
        (
            lambda path: torch.save({"layers.weight": torch.ones(2)}, path),
            "is not a checkpoint of a run: it has no state_dict; .*encoders.FromWeights",
        ),
        (
            lambda path: torch.save({"state_dict": {}}, path),
            "not a checkpoint of a run of multitask: it does not describe .*; .*FromWeights",
        ),
        (
            lambda path: torch.save({"state_dict": {}, "multitask": {"ensemble": [1]}}, path),
            "the checkpoint is of an ensemble",
        ),
        (
            partial(written, sharing=CrossStitch),
            "its tasks have 2 encoders, one each; .* prefix: encoder.columns.0.",
        ),
        (
            lambda path: [path.mkdir(), (path / "config.json").write_text("{}")],
            "a folder for the hub; give the run's checkpoint",
        ),
    ],
)
def test_what_is_not_a_run_is_refused(
    write: Callable[[Path], Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / "bext.ckpt").touch()
    write(path := tmp_path / "best.ckpt")
    with pytest.raises(InputError, match=f"FromRun: .*{message}"):
        FromRun(path)


def test_classes_of_others_are_made_if_they_are_trusted(tmp_path: Path) -> None:
    path = tmp_path / "first.ckpt"
    model = written(path, encoder=Doubled(MLP(16, [], 8)))
    with pytest.raises(InputError, match=r"Doubled is imported only if you trust whoever made"):
        FromRun(path)
    assert same(FromRun(path, trust=True), model.encoder)


@pytest.mark.parametrize(
    "settings",
    [
        {"class_path": "multitask.encoders.FromRun", "init_args": {"checkpoint": "own"}},
        {
            "class_path": "multitask.encoders.FromWeights",
            "init_args": {
                "encoder": {"class_path": "multitask.encoders.ConvNet"},
                "path": "own",
            },
        },
        {
            "class_path": "multitask.encoders.FromRun",
            "init_args": {"checkpoint": "own", "trust": True},
        },
        {
            "class_path": "multitask.encoders.Timm",
            "init_args": {"name": "resnet10t", "pretrained": "own"},
        },
    ],
)
def test_a_checkpoint_asks_for_no_other_file(settings: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "first.ckpt"
    model = tiny_model()
    settings["init_args"] = {
        key: str(path) if each == "own" else each for key, each in settings["init_args"].items()
    }
    model.hparams["encoder"] = settings
    written(path, model)
    with pytest.raises(InputError, match="weights of another file"):
        MultiTask.load_from_checkpoint(path)
    if "Timm" not in settings["class_path"]:
        with pytest.raises(InputError, match="weights of another file"):
            FromRun(path)
        with weights_are_in(path), pytest.raises(InputError, match="weights of another file"):
            FromRun(path)
