"""What a stranger's checkpoint, or the configuration beside it, can have the program run."""

from __future__ import annotations

import copy
import importlib
import io
import os
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from jsonargparse import _common
from lightning.pytorch import Trainer
from tiny_training import tiny_model

from multitask import InputError, MultiTask
from multitask.balancing import GradientBalancer
from multitask.balancing.weightings import UPGrad
from multitask.cli.check import check_arguments
from multitask.cli.command_line import CommandLine
from multitask.cli.main import main
from multitask.configuration.trust import KNOWN, is_known, known_imports_only, tensors_only

ROOT = Path(__file__).parents[2]
EVIL = """
from pathlib import Path
from torch import nn
from torch.optim import AdamW
from multitask.encoders import MLP, ConvNet

Path("imported").touch()

class Strange(ConvNet):
    def __init__(self):
        Path("called").touch()
        super().__init__()

class Flat(MLP):
    pass

class StrangeOptimizer(AdamW):
    pass

class Anything:
    def __init__(self, *arguments, **keywords):
        Path("called").touch()

    def __call__(self, *arguments):
        Path("called").touch()

def function(*arguments, **keywords):
    Path("called").touch()
"""
PLACES: dict[str, tuple[str, ...]] = {
    "encoder": ("model", "encoder"),
    "task": ("model", "tasks", "digit"),
    "head": ("model", "tasks", "digit", "init_args", "head"),
    "loss": ("model", "tasks", "glyph", "init_args", "loss"),
    "balancer": ("model", "balancer"),
    "optimizer": ("model", "optimizer"),
    "scheduler": ("model", "scheduler"),
    "sharing": ("model", "sharing"),
    "pass": ("model", "training_pass"),
    "data": ("data",),
    "augmentation": ("data", "init_args", "augmentations"),
    "transform": ("data", "init_args", "transforms"),
    "callback": ("trainer", "callbacks"),
    "logger": ("trainer", "logger"),
    "plugin": ("trainer", "plugins"),
    "strategy": ("trainer", "strategy"),
    "profiler": ("trainer", "profiler"),
}
"""Where a class can be named."""
LISTED = ("augmentation", "transform", "callback", "plugin")
BY_NAME = ("strategy", "profiler")
"""Where a text is a name that Lightning knows, not a path."""


def placed(config: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The configuration with another object in one place."""
    config = copy.deepcopy(config)
    *above, last = PLACES[name]
    inner = config
    for key in above:
        inner = inner.setdefault(key, {})
    inner[last] = [value] if name in LISTED else value
    return config


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The digits' configuration, in a folder with a module that tells if it is imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("evil.py").write_text(EVIL)
    yield yaml.safe_load((ROOT / "configs/experiment/digits.yaml").read_text())
    sys.modules.pop("evil", None)


@pytest.fixture
def strangers(digits: dict[str, Any]) -> Callable[..., list[str]]:
    """Writes a stranger's run, and gives the arguments that test it."""
    Path("run/checkpoints").mkdir(parents=True)
    Path("run/checkpoints/last.ckpt").touch()

    def write(config: dict[str, Any], *arguments: str) -> list[str]:
        Path("run/config.yaml").write_text(yaml.safe_dump(config))
        found = ("--config=run/config.yaml", "--ckpt_path=run/checkpoints/last.ckpt")
        return ["test", *found, *arguments]

    return write


def forms(name: str, path: str) -> list[Any]:
    """The ways to write an object of a class in one of the places."""
    described = {"class_path": path}
    ways = [path, described, {**described, "init_args": {"args": "id"}}]
    return ways[1:] if name in BY_NAME else ways


def was_run() -> bool:
    return Path("imported").exists() or Path("called").exists()


def refusal(of: Callable[[], object]) -> str:
    with pytest.raises(InputError) as raised:
        of()
    sentence = str(raised.value)
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("name", PLACES)
def test_a_found_configuration_imports_known_packages_alone(
    strangers: Callable[..., list[str]], digits: dict[str, Any], name: str
) -> None:
    for written in forms(name, "evil.Anything"):
        arguments = strangers(placed(digits, name, written))
        sentence = refusal(lambda: check_arguments(arguments))  # noqa: B023
        assert re.search(r"trust.*run/config.yaml.*--trust", sentence)
        assert not was_run()


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize(
    "path", ["os.system", "subprocess.Popen", "evil.function", "evil.Anything"]
)
def test_no_place_takes_a_function_or_a_class_of_another_kind(
    digits: dict[str, Any], name: str, path: str
) -> None:
    for written in forms(name, path):
        Path("own.yaml").write_text(yaml.safe_dump(placed(digits, name, written)))
        sentence = refusal(lambda: check_arguments(["fit", "--config=own.yaml"]))
        assert "own.yaml:" in sentence
        assert not Path("called").exists()


def test_what_the_person_gives_counts_beside_a_found_configuration(
    strangers: Callable[..., list[str]], digits: dict[str, Any]
) -> None:
    command = CommandLine(strangers(digits, "--model.encoder=evil.Strange"))
    assert type(command.model.encoder).__name__ == "Strange"
    assert not command.configuration.is_trusted


def test_trust_is_given_by_one_word(
    strangers: Callable[..., list[str]], digits: dict[str, Any]
) -> None:
    arguments = strangers(placed(digits, "encoder", {"class_path": "evil.Strange"}), "--trust")
    assert type(CommandLine(arguments).model.encoder).__name__ == "Strange"
    Path("own.yaml").write_text(yaml.safe_dump(digits))
    refused = refusal(lambda: check_arguments(["fit", "--config=own.yaml", "--trust"]))
    assert refused.startswith("remove --trust")


def test_a_file_that_a_found_configuration_names_is_found_too(
    strangers: Callable[..., list[str]], digits: dict[str, Any]
) -> None:
    Path("run/encoder.yaml").write_text("class_path: evil.Strange\n")
    arguments = strangers(placed(digits, "encoder", "encoder.yaml"))
    assert "encoder.yaml:1" in refusal(lambda: check_arguments(arguments))
    assert not was_run()


@pytest.mark.parametrize("place", ["run/spare/config.yaml", "run/./deep/er/config-2.yaml"])
def test_all_that_lies_in_the_run_of_the_checkpoint_is_found(
    strangers: Callable[..., list[str]], digits: dict[str, Any], place: str
) -> None:
    strangers(digits)
    Path(place).parent.mkdir(parents=True)
    Path(place).write_text(yaml.safe_dump(placed(digits, "encoder", "evil.Strange")))
    arguments = ["test", f"--config={place}", "--ckpt_path=run/checkpoints/last.ckpt"]
    assert "--trust" in refusal(lambda: check_arguments(arguments))
    assert not was_run()


def test_functions_of_callbacks_are_not_called(
    strangers: Callable[..., list[str]], digits: dict[str, Any]
) -> None:
    path = "lightning.pytorch.callbacks.LambdaCallback"
    written = {"class_path": path, "init_args": {"on_fit_start": "os.system"}}
    arguments = strangers(placed(digits, "callback", written))
    assert "on_fit_start names a function" in refusal(lambda: check_arguments(arguments))


@pytest.mark.parametrize("verb", ["test", "resume"])
def test_the_program_says_so_in_one_sentence(
    verb: str,
    strangers: Callable[..., list[str]],
    digits: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    strangers(placed(digits, "optimizer", "evil.StrangeOptimizer"))
    subject = "run" if verb == "resume" else "--ckpt_path=run/checkpoints/last.ckpt"
    with pytest.raises(SystemExit) as stopped:
        main([verb, subject])
    assert stopped.value.code == 2
    assert re.fullmatch("multitask: .*--trust\n", capsys.readouterr().err)
    assert not was_run()


def test_a_checkpoint_in_several_files_is_read_on_trust_alone(digits: dict[str, Any]) -> None:
    Path("own.yaml").write_text(yaml.safe_dump(digits))
    Path("sharded").mkdir()
    arguments = ["fit", "--config=own.yaml", "--ckpt_path=sharded"]
    assert "add --trust" in refusal(lambda: check_arguments(arguments))
    check_arguments([*arguments, "--trust"])


def test_a_file_in_the_working_folder_is_not_taken_for_a_library(digits: dict[str, Any]) -> None:
    sys.path.insert(0, os.getcwd())
    Path("this.py").write_text("from pathlib import Path; Path('imported').touch()")
    with pytest.raises(SystemExit):
        main(["nothing"])
    importlib.import_module("this")
    assert not was_run()
    importlib.import_module("evil")
    assert was_run()


def test_what_passes_the_check_still_cannot_be_imported(digits: dict[str, Any]) -> None:
    with known_imports_only(), pytest.raises(_common.ImportDenied):
        _common.check_import_path("evil.Strange")
    before = copy.deepcopy(_common.parsing_settings)
    with known_imports_only(["evil.Strange"]):
        _common.check_import_path("evil.Strange")
        _common.check_import_path("torch.optim.adamw.AdamW")
    assert _common.parsing_settings == before
    with pytest.raises(_common.ImportDenied):
        _common.check_import_path("os.system")


def test_names_that_only_begin_like_a_known_package_are_not_known() -> None:
    assert all(map(is_known, KNOWN))
    assert is_known("timm.models.resnet.ResNet")
    assert not any(map(is_known, ("timmy.Net", "torch.hub.load", "torch", "lightning.pytorch.cli")))


class Pickled:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> Any:
        """What unpickling calls."""
        return os.system, ("touch called",)


def test_torch_loads_tensors_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    torch.save({"state_dict": Pickled()}, "file.pt")
    with tensors_only(), pytest.raises(pickle.UnpicklingError):
        torch.load("file.pt", weights_only=False)
    assert not was_run()
    assert os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] == "1"
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


@pytest.fixture
def checkpoint(digits: dict[str, Any]) -> Callable[..., Path]:
    """Saves a tiny model whose checkpoint names other things than it was built of."""
    trainer = Trainer(accelerator="cpu", logger=False, max_epochs=0)
    trainer.strategy.connect(tiny_model(balancer=GradientBalancer(UPGrad())))
    trainer.save_checkpoint("honest.ckpt")

    def save(change: Callable[[dict[str, Any]], None]) -> Path:
        content = torch.load("honest.ckpt", weights_only=True)
        change(content)
        torch.save(content, "changed.ckpt")
        return Path("changed.ckpt")

    return save


def named(place: tuple[str, ...], value: Any) -> Callable[[dict[str, Any]], None]:
    """A change of what a checkpoint's arguments name."""

    def change(content: dict[str, Any]) -> None:
        inner = content["hyper_parameters"]
        for key in place[:-1]:
            inner = inner.setdefault(key, {})
        inner[place[-1]] = value

    return change


CHECKPOINT_PLACES = [
    ("encoder",),
    ("tasks", "kind"),
    ("tasks", "kind", "init_args", "head"),
    ("tasks", "size", "init_args", "loss"),
    ("balancer",),
    ("balancer", "init_args", "method"),
    ("balancer", "init_args", "losses"),
    ("optimizer",),
    ("scheduler",),
    ("sharing",),
    ("training_pass",),
]


@pytest.mark.parametrize("place", CHECKPOINT_PLACES, ids=".".join)
@pytest.mark.parametrize("path", ["evil.Anything", "os.system", "timm.models._hub.os.system"])
def test_a_checkpoint_names_classes_of_known_packages_alone(
    checkpoint: Callable[..., Path], place: tuple[str, ...], path: str
) -> None:
    for value in (path, {"class_path": path}, {"class_path": path, "init_args": {"a": 1}}):
        changed = checkpoint(named(place, value))
        sentence = refusal(partial(MultiTask.load_from_checkpoint, changed))
        assert "changed.ckpt" in sentence
        assert path.startswith("timm") or "trust=True" in sentence
        assert not was_run()
        with changed.open("rb") as file:
            refusal(partial(MultiTask.load_from_checkpoint, io.BytesIO(file.read())))
    assert not was_run()


@pytest.mark.parametrize("key", ["hparams", "module_arguments"])
def test_older_places_of_arguments_are_looked_into(
    checkpoint: Callable[..., Path], key: str
) -> None:
    def move(content: dict[str, Any]) -> None:
        del content["hyper_parameters"]["optimizer"]
        content[key] = {"optimizer": "evil.StrangeOptimizer"}

    assert "trust" in refusal(partial(MultiTask.load_from_checkpoint, checkpoint(move)))
    assert not was_run()


def test_no_function_of_a_known_package_is_called(checkpoint: Callable[..., Path]) -> None:
    changed = checkpoint(named(("optimizer",), "torch.nn.init.zeros_"))
    assert "is a function" in refusal(partial(MultiTask.load_from_checkpoint, changed))


def test_one_argument_vouches_for_a_checkpoint(checkpoint: Callable[..., Path]) -> None:
    value = {"class_path": "evil.Flat", "init_args": {"in_features": 16, "out_features": 8}}
    value["init_args"] |= {"hidden": []}
    changed = checkpoint(named(("encoder",), value))
    sentence = refusal(partial(MultiTask.load_from_checkpoint, changed))
    assert "evil.Flat is imported only if you trust" in sentence
    assert not was_run()
    loaded = MultiTask.load_from_checkpoint(changed, trust=True)
    assert type(loaded.encoder).__name__ == "Flat"
    # What replaces the checkpoint's is the person's own.
    MultiTask.load_from_checkpoint(changed, encoder=loaded.encoder)


def test_a_pickle_is_loaded_on_trust_alone(checkpoint: Callable[..., Path]) -> None:
    changed = checkpoint(lambda content: content.update(other=Pickled()))
    refused = refusal(partial(MultiTask.load_from_checkpoint, changed, weights_only=False))
    assert "trust=True" in refused
    refused = refusal(partial(MultiTask.load_from_checkpoint, changed))
    assert "it contains an object of" in refused
    assert "weights_only" not in refused
    assert not was_run()
