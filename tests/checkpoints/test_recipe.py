"""Recipes, and models built in Python that a checkpoint alone can rebuild."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import ReduceLROnPlateau
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torchjd.scalarization import DWA, FAMO, UW, Constant

from multitask import MultiTask
from multitask.balancing import FixedWeights, Scalarized
from multitask.checkpoints.recipe import recipe
from multitask.data import DataModule
from multitask.encoders import MLP, ConvNet, Encoder
from multitask.errors import InputError
from multitask.heads import MLPHead
from multitask.tasks import Classification, Regression

TinyData = Callable[..., DataModule]
TinyModel = Callable[..., MultiTask]
MakeTrainer = Callable[..., Trainer]

UW_RECIPE = {"class_path": "torchjd.scalarization._uw.UW", "init_args": {"shape": 2}}


class OpenTask(Regression):
    """Passes on what it does not know."""

    def __init__(self, extra: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.extra = extra


class Secretive(nn.Module):
    """Does not keep its argument."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, 1)


def path_of(thing: type) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


@pytest.mark.parametrize("value", ["a", 3, 0.5, True, None])
def test_plain_values_stay(value: Any) -> None:
    assert recipe(value) is value


def test_lists_tuples_and_dictionaries_are_described_inside() -> None:
    assert recipe((1, [nn.ReLU, "a"])) == [1, [{"class_path": path_of(nn.ReLU)}, "a"]]
    assert recipe({"a": nn.ReLU, "b": (2,)}) == {"a": {"class_path": path_of(nn.ReLU)}, "b": [2]}


def test_class_alone() -> None:
    assert recipe(MLPHead) == {"class_path": "multitask.heads.mlp.MLPHead"}


@pytest.mark.parametrize(
    "thing", [partial(MLPHead, 8, hidden=[3]), partial(MLPHead, in_features=8, hidden=(3,))]
)
def test_partial_by_place_or_name(thing: Any) -> None:
    described = {"class_path": path_of(MLPHead), "init_args": {"in_features": 8, "hidden": [3]}}
    assert recipe(thing) == described


def test_partial_of_the_command_line_has_the_class_last() -> None:
    def instantiate(target: type, *args: Any, **kwargs: Any) -> Any:
        return target(*args, **kwargs)

    described = {"class_path": path_of(torch.optim.SGD), "init_args": {"lr": 0.1}}
    assert recipe(partial(instantiate, torch.optim.SGD, lr=0.1)) == described


def test_recorded_object_gives_its_arguments_as_they_were_passed() -> None:
    task = Classification(3, head=partial(MLPHead, hidden=(4,)), weight=2)
    assert recipe(task) == {
        "class_path": path_of(Classification),
        "init_args": {
            "num_classes": 3,
            "head": {"class_path": path_of(MLPHead), "init_args": {"hidden": [4]}},
            "weight": 2,
        },
    }
    assert recipe(FixedWeights()) == {"class_path": path_of(FixedWeights)}
    assert recipe(Scalarized(partial(UW, shape=2)))["init_args"] == {"scalarizer": UW_RECIPE}


def test_recorded_object_with_open_arguments() -> None:
    arguments = {"extra": 2, "size": 3, "unit": "px"}
    assert recipe(OpenTask(**arguments)) == {
        "class_path": path_of(OpenTask),
        "init_args": arguments,
    }


def test_object_whose_attributes_are_named_like_its_parameters() -> None:
    assert recipe(nn.HuberLoss(delta=2.0)) == {
        "class_path": path_of(nn.HuberLoss),
        "init_args": {"reduction": "mean", "delta": 2.0},
    }


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss(beta=0.5)], ids=str)
def test_losses_that_the_documentation_names_can_be_described(loss: nn.Module) -> None:
    assert recipe(loss)["class_path"] == path_of(type(loss))


@pytest.mark.parametrize(
    "thing",
    [
        Secretive(3),
        lambda: None,
        partial(torch.nn.functional.relu, inplace=True),
        object(),
        {1, 2},
        [nn.ReLU, Secretive(3)],
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_what_cannot_be_described_is_an_input_error(thing: Any) -> None:
    with pytest.raises(InputError, match="does not show how it was built|not an importable class"):
        recipe(thing)


@pytest.mark.parametrize(
    "scalarizer",
    [UW(2), partial(UW, shape=2), Constant(torch.ones(2))],
    ids=["object", "partial", "tensor"],
)
def test_torchjds_objects_are_rebuilt_from_a_checkpoint(
    scalarizer: Any,
    tiny_model: TinyModel,
    tiny_data: TinyData,
    trainer: MakeTrainer,
    tmp_path: Path,
) -> None:
    model = tiny_model(balancer=Scalarized(scalarizer))
    runner = trainer()
    runner.fit(model, tiny_data())
    runner.save_checkpoint(tmp_path / "model.ckpt")
    again = MultiTask.load_from_checkpoint(tmp_path / "model.ckpt", weights_only=True)
    losses, labelled = torch.tensor([1.0, 2.0]), torch.tensor([True, True])
    assert torch.equal(again.balancer(losses, labelled), model.balancer(losses, labelled))


def test_class_inside_a_function_is_not_importable() -> None:
    class Local(Encoder):
        out_features = 1

        def forward(self, image: Any) -> Any:
            return image

    for thing in (Local, Local(), partial(Local)):
        with pytest.raises(InputError, match="Local.* is not an importable class"):
            recipe(thing)


def test_recipe_is_yaml() -> None:
    model = MultiTask(
        ConvNet(channels=(4, 8)),
        {"kind": Classification(3, loss=nn.HuberLoss())},
        Scalarized(partial(DWA, temperature=1.0)),
        partial(torch.optim.SGD, lr=0.1),
        partial(CosineAnnealingLR, T_max=3),
    )
    kept = dict(model.hparams)
    assert yaml.safe_load(yaml.safe_dump(kept)) == kept


# Checkpoints


MODELS: dict[str, Callable[[], dict[str, Any]]] = {
    "defaults": dict,
    "scalarization": lambda: {"balancer": Scalarized(partial(UW, shape=2))},
    "scalarization with state": lambda: {"balancer": Scalarized(partial(FAMO, shape=2, lr=0.1))},
    "scalarization with a memory": lambda: {"balancer": Scalarized(partial(DWA))},
    "heads": lambda: {
        "tasks": {
            "kind": Classification(3, head=partial(MLPHead, hidden=[5], dropout=0.5)),
            "size": Regression(head=MLPHead),
        }
    },
    "loss": lambda: {
        "tasks": {
            "size": Regression(loss=nn.HuberLoss(delta=0.3), weight=2.0),
            "kind": Classification(3, class_weights=(1.0, 2.0, 3.0), classes=["a", "b", "c"]),
        }
    },
    "schedule": lambda: {"scheduler": partial(CosineAnnealingLR, T_max=5)},
    "schedule by epoch": lambda: {
        "scheduler": partial(ReduceLROnPlateau, monitor="val/score", mode="max"),
        "scheduler_interval": "epoch",
    },
    "convolutions": lambda: {"encoder": ConvNet(channels=(4,), grid=1, out_features=6)},
}


def same_outputs(first: MultiTask, second: MultiTask) -> None:
    image = torch.rand(5, 1, 4, 4)
    ours, theirs = first.eval().predict(image), second.eval().predict(image)
    assert list(ours) == list(theirs)
    for name, values in ours.items():
        assert torch.equal(values, theirs[name])


def settings(model: MultiTask) -> dict[str, Any]:
    """What training would run with."""
    made = model.configure_optimizers()
    found = made if isinstance(made, dict) else {"optimizer": made}
    schedule = dict(found.get("lr_scheduler", {}))
    scheduler = schedule.pop("scheduler", None)
    return {
        "optimizer": type(found["optimizer"]),
        "scheduler": (type(scheduler), scheduler and scheduler.state_dict()),
        "schedule": schedule,
        "balancer": str(model.balancer),
    }


@pytest.mark.parametrize("name", MODELS)
def test_checkpoint_alone_rebuilds_a_model_built_in_python(
    name: str,
    tiny_model: TinyModel,
    tiny_data: TinyData,
    trainer: MakeTrainer,
    tmp_path: Path,
) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*load_from_checkpoint")
        model = tiny_model(**MODELS[name]())
    runner = trainer(max_epochs=2)
    runner.fit(model, tiny_data())
    runner.save_checkpoint(tmp_path / "model.ckpt")
    loaded = MultiTask.load_from_checkpoint(tmp_path / "model.ckpt", weights_only=True)
    same_outputs(model, loaded)
    assert {key: str(value) for key, value in loaded.state_dict().items()} == {
        key: str(value) for key, value in model.state_dict().items()
    }
    assert torch.equal(model.task_weights, loaded.task_weights)
    assert settings(loaded) == settings(model)


@pytest.mark.parametrize(
    "optimizer",
    [
        partial(torch.optim.SGD, lr=0.05),
        partial(torch.optim.Adam, lr=0.01),
        partial(torch.optim.AdamW, lr=0.01, weight_decay=0.2),
        torch.optim.AdamW,
    ],
    ids=["SGD", "Adam", "AdamW with decay", "AdamW"],
)
def test_rebuilt_optimizer_has_the_same_settings(
    optimizer: Any,
    tiny_model: TinyModel,
    tiny_data: TinyData,
    trainer: MakeTrainer,
    tmp_path: Path,
) -> None:
    model, runner = tiny_model(optimizer=optimizer), trainer()
    runner.fit(model, tiny_data())
    runner.save_checkpoint(tmp_path / "model.ckpt")
    loaded = MultiTask.load_from_checkpoint(tmp_path / "model.ckpt", weights_only=True)
    groups = [made.configure_optimizers().param_groups[0] for made in (model, loaded)]
    before, after = ({k: v for k, v in group.items() if k != "params"} for group in groups)
    assert after == before


def test_model_checkpoint_is_enough_too(
    tiny_model: TinyModel, tiny_data: TinyData, trainer: MakeTrainer, tmp_path: Path
) -> None:
    model = tiny_model()
    keeper = ModelCheckpoint(tmp_path / "kept", filename="model")
    trainer(callbacks=[keeper], enable_checkpointing=True).fit(model, tiny_data())
    path = tmp_path / "kept/model.ckpt"
    same_outputs(model, MultiTask.load_from_checkpoint(path, weights_only=True))


def test_reloaded_model_can_be_saved_and_loaded_again(
    tiny_model: TinyModel, tiny_data: TinyData, trainer: MakeTrainer, tmp_path: Path
) -> None:
    model = tiny_model(**MODELS["heads"](), balancer=Scalarized(partial(UW, shape=2)))
    for name in ("first.ckpt", "second.ckpt"):
        runner = trainer()
        runner.fit(model, tiny_data())
        runner.save_checkpoint(tmp_path / name)
        again = MultiTask.load_from_checkpoint(tmp_path / name, weights_only=True)
        same_outputs(model, again)
        model = again
    head: Any = model.heads["kind"]
    assert head.layers[0].out_features == 5
    assert model.optimizer(model.parameters()).param_groups[0]["lr"] == 0.05


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("optimizer", lambda: lambda groups: torch.optim.SGD(groups, lr=0.1)),
        (
            "tasks",
            lambda: {
                "kind": Classification(3),
                "size": Regression(head=lambda i, o: nn.Linear(i, o)),
            },
        ),
    ],
    ids=["optimizer", "tasks"],
)
def test_what_cannot_be_described_warns_and_can_be_passed_to_load(
    argument: str,
    value: Callable[[], Any],
    tiny_model: TinyModel,
    tiny_data: TinyData,
    trainer: MakeTrainer,
    tmp_path: Path,
) -> None:
    with pytest.warns(UserWarning, match=f"pass {argument}=... to load_from_checkpoint"):
        model = tiny_model(**{argument: value()})
    runner = trainer()
    runner.fit(model, tiny_data())
    runner.save_checkpoint(tmp_path / "model.ckpt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = MultiTask.load_from_checkpoint(
            tmp_path / "model.ckpt", weights_only=True, **{argument: value()}
        )
    same_outputs(model, again)


def test_copies_of_recorded_objects_stay_described() -> None:
    import copy
    import pickle

    task = Classification(3, weight=2)
    for clone in (copy.deepcopy(task), pickle.loads(pickle.dumps(task))):
        assert recipe(clone) == recipe(task)


def test_recording_does_not_hide_the_constructors_error() -> None:
    with pytest.raises(TypeError, match="hiden"):
        MLP(16, hiden=[3])  # type: ignore[call-arg]
