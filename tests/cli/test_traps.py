"""Traps of Lightning's command line and of W&B's agent, each with what happens here instead."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Callback
from tiny_map_sets import write_mtan
from tiny_public_sets import write_mnist, write_pets

from multitask import InputError, MultiTask
from multitask.callbacks.figures import Figures
from multitask.callbacks.gradient_telemetry import GradientTelemetry
from multitask.callbacks.learning_curves import LearningCurves
from multitask.cli.arguments import prepare
from multitask.cli.command_line import CommandLine
from multitask.cli.main import main
from multitask.data import scenes
from multitask.runs import run_callbacks
from multitask.tasks import Task

ROOT = Path(__file__).parents[2]
PUBLIC: dict[str, tuple[Any, ...]] = {
    "mnist": (write_mnist,),
    "pets": (write_pets, "--data.init_args.image_size=32", "--data.init_args.num_workers=0"),
    "nyuv2": (
        lambda root: write_mtan(root / "nyuv2", {"label": 13}, True, (32, 64)),
        "--data.init_args.num_workers=0",
        "--model.encoder.init_args.name=test_resnet",
    ),
    **dict.fromkeys(
        ("episodes", "episodes_joint"),
        (None, "--trainer.callbacks.episodes=1", "--trainer.callbacks.shots=[1]"),
    ),
    # To read the source files of whole packages takes longer than all else.
    **dict.fromkeys(("text", "text_masked", "text_pretrain"), (None, "--data.samples=100")),
    # Without the run that they start from.
    "digits_frozen": (None, "--model.encoder=ConvNet"),
    "digits_gradual": (
        *(None, "--model.encoder=ConvNet", "--trainer.limit_train_batches=4"),
        "--trainer.callbacks.until={encoder.embedding: 1, encoder.convolutions.3: 2, encoder: 3}",
    ),
}
"""Experiments that need more: how to write a tiny data set, and what makes its training quick."""
QUICKER = (
    "--trainer.limit_train_batches=2",
    "--trainer.limit_val_batches=1",
    "--trainer.limit_test_batches=1",
    "--trainer.num_sanity_val_steps=0",
)
"""A second step follows from the first; all else that a longer training does is the same."""
EXPERIMENTS = sorted((ROOT / "configs/experiment").glob("*.yaml"))
DRAWN = (
    "digits_all",
    "mixture",
    "mnist",
    "overlaid_digits",
    "pets",
    "plain_digits",
    "scene",
    "text",
    "toy",
)
"""Those whose figures differ: the others have the images of one of them, and some of its tasks."""
SHARDED = f"--config={ROOT / 'configs/trainer/fsdp.yaml'}"
ALL_DRAWN = "digits_all"
"""The one with all figures of a run. To draw them takes long, and in the others, those of the
validation would be drawn as those of the test are, and the curves as for any other metrics."""


class Read(CommandLine):
    """The command line without the objects."""

    def instantiate_classes(self) -> None:
        """Nothing."""


@pytest.fixture
def parsed(quick: tuple[str, ...]) -> Callable[..., CommandLine]:
    return lambda *arguments: CommandLine(prepare(["fit", *quick, *arguments]))


@pytest.fixture(scope="module")
def trained(quick: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a quick run, the same for all tests."""
    root = tmp_path_factory.mktemp("trained")
    main(["fit", *quick, "--run.test_after_fit=false", f"--run.root={root}"])
    (run,) = root.glob("digits/*")
    return run


@pytest.mark.parametrize(
    ("nested", "dotted"),
    [
        ("--model.tasks={'digit': {'weight': 0.5}}", "--model.tasks.digit.weight=0.5"),
        (
            "--model={'optimizer': {'lr': 1e-05}, 'tasks': {'glyph': {init_args: {weight: 2}}}}",
            "--model.optimizer.lr=1e-05 --model.tasks.glyph.weight=2",
        ),
        ("--trainer={'max_epochs': 3}", "--trainer.max_epochs=3"),
        ("--model.tasks={extra: Regression}", "--model.tasks.extra=Regression"),
        ("--data={init_args: {batch_size: 8}}", "--data.batch_size=8"),
    ],
)
def test_what_a_nested_sweep_sends_changes_what_it_names_alone(
    quick: tuple[str, ...], nested: str, dotted: str
) -> None:
    texts = {Read(prepare(["fit", *quick, *each])).text for each in ([nested], dotted.split())}
    assert len(texts) == 1


def test_a_second_file_with_tasks_is_refused(fails: Callable[..., str], tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("model: {tasks: {digit: {class_path: multitask.tasks.Classification}}}")
    digits = ROOT / "configs/experiment/digits.yaml"
    message = fails("fit", f"--config={digits}", f"--config={other}")
    assert "digits.yaml" in message
    assert "other.yaml" in message


def test_a_leaf_on_the_command_line_leaves_the_other_tasks(
    parsed: Callable[..., CommandLine],
) -> None:
    model = parsed("--model.tasks.digit.weight=2").model
    assert {name: task.weight for name, task in model.named_tasks.items()} == {
        "digit": 2,
        "glyph": 1,
    }
    assert model.named_tasks["digit"].out_features == 10


def test_a_new_task_on_the_command_line(parsed: Callable[..., CommandLine]) -> None:
    arguments = ("--model.tasks.angle=Regression", "--data.init_args.tasks=[digit,glyph,angle]")
    assert list(parsed(*arguments).model.tasks) == ["digit", "glyph", "angle"]


def test_a_checkpoint_does_not_override_what_is_written(
    parsed: Callable[..., CommandLine], trained: Path
) -> None:
    checkpoint = trained / "checkpoints/last.ckpt"
    parsed = parsed(f"--ckpt_path={checkpoint}", "--model.tasks.digit.weight=2")
    assert parsed.model.named_tasks["digit"].weight == 2


def test_runs_with_wandb_do_not_share_a_config(
    multitask: Callable[..., None], quick: tuple[str, ...], tmp_path: Path
) -> None:
    for seed in (1, 2):
        multitask("fit", *quick, "--run.wandb=offline", f"--seed_everything={seed}")
    configs = [yaml.safe_load(path.read_text()) for path in tmp_path.glob("runs/*/*/config.yaml")]
    assert sorted(config["seed_everything"] for config in configs) == [1, 2]


def test_a_resumed_run_follows_what_it_is_given_or_refuses_it(
    multitask: Callable[..., None], fails: Callable[..., str], trained: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    files = {path: path.stat().st_size for path in run.rglob("*") if path.suffix != ".txt"}
    for argument in (
        "--model.optimizer=SGD",
        "--model.scheduler.T_max=7",
        "--model.encoder=MLP",
        "--seed_everything=5",
    ):
        message = fails("resume", str(run), "--trainer.max_epochs=9", *more(argument))
        assert "cannot change in a resumed run" in message
        assert "multitask fit --config=" in message
    assert {path: path.stat().st_size for path in run.rglob("*") if path in files} == files
    assert not (run / "config-2.yaml").exists()
    rates = ("--model.optimizer.lr=1e-4", "--model.tasks.digit.class_weights=[1,1,1,1,1,1,1,1,1,9]")
    multitask("resume", str(run), "--trainer.max_epochs=2", "--run.test_after_fit=false", *rates)
    saved = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    assert saved["state_dict"]["tasks.digit.class_weights"].tolist() == [*[1] * 9, 9]
    assert saved["optimizer_states"][0]["param_groups"][0]["initial_lr"] == 1e-4
    assert "lr: 0.0001" in (run / "config-2.yaml").read_text()


def more(argument: str) -> list[str]:
    """The argument, and what its class lacks."""
    lacking = {"--model.encoder=MLP": ["--model.encoder.in_features=576"]}
    return [argument, *lacking.get(argument, [])]


def test_abbreviations_are_refused(fails: Callable[..., str], digits: str) -> None:
    message = fails("fit", digits, "--trainer.max_epoch=2")
    assert "trainer.max_epoch" in message
    assert "max_epochs" in message


@pytest.mark.parametrize("verb", ["validate", "test", "predict"])
def test_a_checkpoint_alone_finds_its_configuration(
    multitask: Callable[..., None],
    trained: Path,
    verb: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    multitask(verb, f"--ckpt_path={trained / 'checkpoints/best.ckpt'}")
    (folder,) = (trained / verb).iterdir()
    assert str(folder) in capsys.readouterr().out
    expected = "predictions.csv" if verb == "predict" else "metrics.csv"
    assert (folder / expected).exists()


def test_a_checkpoint_makes_the_model_again(trained: Path) -> None:
    path = trained / "checkpoints/best.ckpt"
    model = MultiTask.load_from_checkpoint(path, weights_only=True)
    saved = torch.load(path, weights_only=True)["state_dict"]
    assert list(model.tasks) == ["digit", "glyph"]
    assert all(torch.equal(saved[name], value) for name, value in model.state_dict().items())


def test_tasks_are_a_dictionary_that_leaves_reach() -> None:
    for path in EXPERIMENTS:
        assert isinstance(yaml.safe_load(path.read_text())["model"]["tasks"], dict)


def test_no_configuration_counts_but_the_one_that_is_given(
    parsed: Callable[..., CommandLine],
) -> None:
    # Default files beside nested optimizers in parts of a configuration are parse errors.
    assert not parsed().parser.default_config_files


def test_none_from_a_sweep_is_null(parsed: Callable[..., CommandLine]) -> None:
    assert parsed("--model.scheduler=None").model.scheduler is None


def test_null_where_it_cannot_be_is_told(fails: Callable[..., str], digits: str) -> None:
    # The parser takes it for anything, and a constructor fails at it.
    message = fails("fit", digits, "--data.augmentations=None")
    assert "augmentations is empty; it should be a list of Augmentations" in message
    message = fails("fit", digits, "--data.batch_size=null")
    assert "--data.batch_size=null: batch_size is empty; it should be a whole number" in message


def test_a_flag_without_a_value_says_what_to_write(fails: Callable[..., str], digits: str) -> None:
    message = fails("fit", digits, "--model.optimizer.init_args.amsgrad")
    assert "amsgrad=true" in message


def test_an_agent_may_repeat_a_whole_recorded_run(
    trained: Path, parsed: Callable[..., CommandLine]
) -> None:
    config = yaml.safe_load((trained / "config.yaml").read_text())
    repeated = [f"--{key}={json.dumps(value)}" for key, value in config.items()]
    arguments = prepare(["fit", *repeated, '--_provenance={"git": null}', '--_wandb={"v": 1}'])
    model = CommandLine(arguments).model
    assert list(model.tasks) == ["digit", "glyph"]


def test_the_literal_arguments_of_an_agent_are_understood(
    parsed: Callable[..., CommandLine],
) -> None:
    model = parsed("--model.encoder.out_features=32", "--model.optimizer.amsgrad=True").model
    assert model.heads["digit"].in_features == 32
    assert model.optimizer.make.keywords["amsgrad"] is True


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_is_complete_and_runs(
    path: Path,
    multitask: Callable[..., None],
    quick: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    digits_run: Path,
) -> None:
    # To draw scenes takes longer than all else.
    monkeypatch.setattr(scenes, "SAMPLES", dict.fromkeys(scenes.SAMPLES, 80))
    write, *arguments = PUBLIC.get(path.stem, (None,))
    if write is not None:
        monkeypatch.setenv("MULTITASK_CACHE", str(tmp_path / "cache"))
        write(Path("data"))
    if path.stem == "digits_extended":
        arguments = [f"--run.weights={digits_run}", f"--trainer.callbacks.checkpoint={digits_run}"]
    if path.stem != ALL_DRAWN:
        for drawn in (Figures, LearningCurves):
            monkeypatch.setattr(drawn, "on_train_end", Callback.on_train_end)
        monkeypatch.setattr(run_callbacks, "Figures", partial(Figures, samples=4))
        monkeypatch.setattr(run_callbacks, "GradientTelemetry", lambda path: GradientTelemetry())
    is_drawn = path.stem in DRAWN
    drawing = f"--run.figures={str(is_drawn).lower()}"
    multitask("fit", f"--config={path}", *quick[1:], *QUICKER, drawing, *arguments)
    (run,) = tmp_path.glob(f"runs/{path.stem}/*")
    assert bool(list(run.glob("figures/test/*.png"))) == is_drawn
    assert (run / "checkpoints/best.ckpt").exists()


@pytest.mark.parametrize("name", ["type", "image", "a.b", "9lives", "with space"])
def test_impossible_task_names_are_refused(name: str, fails: Callable[..., str]) -> None:
    config = yaml.safe_load((ROOT / "configs/experiment/digits.yaml").read_text())
    config["model"]["tasks"][name] = {"class_path": "multitask.tasks.Regression"}
    Path("bad.yaml").write_text(yaml.safe_dump(config))
    assert f"'{name}'" in fails("fit", "--config=bad.yaml")


def test_a_task_that_does_not_exist_is_not_made_by_an_override(
    fails: Callable[..., str], digits: str
) -> None:
    message = fails("fit", digits, "--model.tasks.digt.weight=2")
    assert "'digt'" in message
    assert "digit" in message
    with pytest.raises(TypeError, match="abstract"):
        Task()


def test_print_config_is_a_configuration(
    multitask: Callable[..., None], digits: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        multitask("fit", digits, "--print_config")
    assert not stopped.value.code
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["model"]["tasks"]["digit"]["init_args"]["num_classes"] == 10


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--data.init_args.batch_size=5000",), "batch_size is 5000"),
        (("--model.training_pass=multitask.passes.FOMAML",), "FOMAML learns from episodes"),
        ((SHARDED, "--trainer.devices=1", "--model.skips=1"), "only works with whole parameters"),
    ],
)
def test_refused_before_anything_is_made(
    arguments: tuple[str, ...], says: str, fails: Callable[..., str], digits: str
) -> None:
    assert says in fails("fit", digits, "--trainer.accelerator=cpu", *arguments)
    assert not Path("runs").exists()


def test_input_errors_are_value_errors() -> None:
    assert issubclass(InputError, ValueError)
