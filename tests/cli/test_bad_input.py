"""Bad input ends in one sentence and exit code 2, and names what is wrong and what is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from multitask.errors import InputError
from multitask.images.cache_state import default_folder

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "configs/experiment/digits.yaml"


@pytest.fixture
def with_change(fails: Callable[..., str]) -> Callable[..., str]:
    """What the program says to the digits experiment after a change of its text."""

    def run(old: str, new: str) -> str:
        text = DIGITS.read_text()
        assert text.count(old) == 1
        Path("changed.yaml").write_text(text.replace(old, new))
        return fails("fit", "--config=changed.yaml", "--run.wandb=off")

    return run


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("num_classes: 10", "num_clases: 10", ["changed.yaml", "'num_clases'", "'num_classes'"]),
        ("num_classes: 10", "num_classes: ten", ["changed.yaml", "num_classes", "ten", "digit"]),
        ("tasks.Classification", "tasks.Clasification", ["Clasification", "'Classification'"]),
        (
            "      init_args:\n        num_classes: 10",
            "      num_classes: 10",
            ["digit", "num_classes", "init_args"],
        ),
        ("        num_classes: 10\n", "", ["init_args", "digit"]),
        ("    glyph:\n", "    glyf:\n", ["'glyf'", "'glyph'", "PosedDigits"]),
        ("    glyph:\n", "    type:\n", ["'type'"]),
        ("num_classes: 10", "num_classes: 5", ["'digit'", "class 9", "10"]),
        ("size: 16", "size: 3", ["'glyph'", "16"]),
        ("batch_size: 64", "batch_size: 5000", ["batch_size", "5000", "2000"]),
        ("labels_per_class: 10", "labels_per_class: 500", ["labels_per_class", "500"]),
        ("encoders.ConvNet", "encoders.ConvNet\n    init_args: {in_channels: 3}", ["ConvNet", "1"]),
        ("trainer:", "trainr:", ["'trainr'", "'trainer'"]),
        ("max_epochs", "max_epoch", ["'max_epoch'", "'max_epochs'"]),
        ("data.PosedDigits", "datas.PosedDigits", ["multitask.datas"]),
        ("lr: 0.005", "lr: fast", ["lr", "fast"]),
        ("scale: common", "scale: comon", ["scale", "comon", "common"]),
        ("num_classes: 10", "num_classes: 1", ["changed.yaml:", "num_classes is 1"]),
        ("    glyph:\n", "    gly.ph:\n", ["changed.yaml:", "'gly.ph'"]),
        ("[digit, glyph]", "[digit glyph]", ["'digit glyph'", "'glyph'"]),
        ("T_max: run", "T_max: 0", ["scheduler"]),
        (
            "tasks.Regression\n      init_args:\n        size: 16\n        scale: common\n",
            "tasks.GaussianRegression\n      init_args: {size: 16}\n"
            "  balancer: multitask.balancing.GradNorm\n",
            ["GradNorm compares losses", "the loss of 'glyph' is that of a density", "use a"],
        ),
    ],
)
def test_a_mistake_in_a_file(
    with_change: Callable[..., str], old: str, new: str, says: list[str]
) -> None:
    message = with_change(old, new)
    for part in says:
        assert part in message, message


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--config=configs/nope.yaml",), ["configs/nope.yaml"]),
        (("--model.tasks.digit.num_clases=3",), ["num_clases", "num_classes"]),
        (("--model.tasks.digit.num_classes=three",), ["digit", "num_classes", "three"]),
        (("--model.encoder=ConvNt",), ["ConvNt", "ConvNet"]),
        (("--modl.encoder=ConvNet",), ["--modl.encoder"]),
        (("--ckpt_path=nope.ckpt",), ["nope.ckpt"]),
        (("--trainer.max_epochs=many",), ["max_epochs", "many"]),
        (("--data.batch_size=-4",), ["--data.batch_size=-4", "at least 1"]),
        (("--data.num_workers=-1",), ["--data.num_workers=-1", "from 0 to 1024"]),
        (("--seed_everything=-3",), ["seed_everything", "-3"]),
        (("--model.optimizer.lr=-1",), ["optimizer", "-1"]),
        (("--trainer.devices=0", "--trainer.accelerator=cpu"), ["Trainer", "devices"]),
        (("--trainer.max_epochs=-5",), ["Trainer", "max_epochs"]),
        (("--trainer.val_check_interval=1000",), ["val_check_interval is 1000", "60 batches"]),
        (("--trainer.gradient_clip_val=.nan",), ["gradient_clip_val is nan", "above 0"]),
        (("--trainer.gradient_clip_val=-1",), ["gradient_clip_val is -1", "above 0"]),
        (("--model.tasks.digit.init_args.weight=1e400",), ["weight is inf", "finite"]),
        (("--model.optimizer.init_args.lr=1e400",), ["optimizer AdamW", "lr is inf"]),
        (("--model.scheduler.init_args.eta_min=.nan",), ["scheduler Cosine", "eta_min is nan"]),
        (("--run.experiment=../x",), ["run.experiment", "../x", "run.root"]),
        (
            ("--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val/scor"),
            ["EarlyStopping", "'val/scor'", "'val/score'"],
        ),
    ],
)
def test_a_mistake_on_the_command_line(
    fails: Callable[..., str], digits: str, arguments: tuple[str, ...], says: list[str]
) -> None:
    message = fails("fit", digits, *arguments)
    for part in says:
        assert part in message, message
    # What never began leaves nothing behind.
    assert not list(Path().glob("runs/*"))


def test_the_sentence_stands_once_on_the_screen(program: Any) -> None:
    process = program.start("fit", "--config=nope.yaml")
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 2
    assert output.splitlines() == ["multitask: there is no file nope.yaml"]


def test_a_file_that_is_nearly_there_is_named_in_one_sentence(program: Any) -> None:
    Path("digits.yaml").touch()
    process = program.start("fit", "--config=digit.yaml")
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 2
    sentence = "multitask: there is no file digit.yaml; did you mean 'digits.yaml'?"
    assert output.splitlines() == [sentence]


def test_an_empty_section(fails: Callable[..., str]) -> None:
    Path("empty.yaml").write_text("model:\n")
    assert "empty.yaml:1: model is empty" in fails("fit", "--config=empty.yaml")


OWN_PARTS = """\
from torch import nn
from multitask.data import Digits
from multitask.encoders import Encoder

class Without(Encoder):
    def forward(self, image):
        return image.flatten(1)

class Wrong(Without):
    out_features = 7

class Broken(Without):
    out_features = 576
    def forward(self, image):
        assert False, "a mistake of its own"

class Absent(Digits):
    def load(self):
        return open("not_there.csv")

class WithoutTest(Digits):
    def load(self):
        splits = super().load()
        return {"train": splits["train"], "val": splits["val"]}
"""


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("--model.encoder=own_parts.Without", ["Without", "out_features"]),
        ("--model.encoder=own_parts.Wrong", ["Wrong", "out_features = 7", "576"]),
        ("--data=own_parts.Absent", ["Absent", "not_there.csv"]),
        ("--data=own_parts.WithoutTest", ["WithoutTest", "'test'", "only train and val"]),
    ],
)
def test_mistakes_in_own_classes(
    fails: Callable[..., str],
    digits: str,
    argument: str,
    says: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("own_parts.py").write_text(OWN_PARTS)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    config = digits if "encoder" in argument else str(digits).replace("digits", "plain_digits")
    message = fails("fit", config, argument, "--run.wandb=off")
    for part in says:
        assert part in message, message


def test_an_error_in_an_own_encoder_keeps_its_traceback(
    multitask: Callable[..., None], digits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("own_parts.py").write_text(OWN_PARTS)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    with pytest.raises(AssertionError, match="a mistake of its own"):
        multitask("fit", digits, "--model.encoder=own_parts.Broken", "--run.wandb=off")


def test_an_own_module_that_cannot_be_imported(
    fails: Callable[..., str], digits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("broken_module.py").write_text("VALUE = 1\n1 / 0\n")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    Path("broken.yaml").write_text("model:\n  encoder:\n    class_path: broken_module.Encoder\n")
    message = fails("fit", digits, "--config=broken.yaml")
    assert "broken_module.py, line 2" in message


def test_an_unknown_verb(fails: Callable[..., str]) -> None:
    message = fails("fitt")
    assert "fitt" in message
    assert "'fit'" in message


def test_no_configuration_at_all(fails: Callable[..., str]) -> None:
    assert "--config" in fails("fit")


def test_a_task_without_any_label(fails: Callable[..., str]) -> None:
    Path("unlabelled.py").write_text(
        "import torch\n"
        "from multitask.data import Digits\n"
        "class Unlabelled(Digits):\n"
        "    def load(self):\n"
        "        splits = super().load()\n"
        "        splits['train'].targets['digit'] = torch.full((1000,), -100)\n"
        "        return splits\n"
    )
    config = yaml.safe_load((ROOT / "configs/experiment/plain_digits.yaml").read_text())
    config["data"]["class_path"] = "unlabelled.Unlabelled"
    Path("unlabelled.yaml").write_text(yaml.safe_dump(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path.cwd()))
        message = fails("fit", "--config=unlabelled.yaml")
    assert "'digit'" in message
    assert "no training sample has a label" in message


def test_a_checkpoint_of_another_model(
    multitask: Callable[..., None], fails: Callable[..., str], quick: tuple[str, ...]
) -> None:
    multitask("fit", *quick, "--run.test_after_fit=false")
    (path,) = Path("runs").glob("*/*/checkpoints/best.ckpt")
    single = ROOT / "configs/experiment/digits_single.yaml"
    message = fails("test", f"--config={single}", f"--ckpt_path={path}")
    assert str(path) in message
    assert "digit and glyph" in message
    wider = fails("fit", *quick, f"--ckpt_path={path}", "--model.encoder.out_features=32")
    assert "(32, 288)" in wider
    assert "(64, 288)" in wider


def test_a_file_that_is_no_checkpoint(fails: Callable[..., str], digits: str) -> None:
    Path("broken.ckpt").write_bytes(b"not a checkpoint")
    message = fails("test", digits, "--ckpt_path=broken.ckpt")
    assert "broken.ckpt" in message
    assert "damaged, or is not a checkpoint: it does not start like" in message


@pytest.mark.parametrize("verb", ["test", "predict", "validate"])
def test_no_checkpoint(fails: Callable[..., str], digits: str, verb: str) -> None:
    assert "--ckpt_path" in fails(verb, digits)
    assert "nope.ckpt" in fails(verb, "--ckpt_path=nope.ckpt")


def test_a_diverging_task_stops_the_run_and_keeps_the_last_good_checkpoint(
    fails: Callable[..., str], digits: str, tmp_path: Path
) -> None:
    Path("exploding.py").write_text(
        "import torch\n"
        "class Exploding(torch.nn.Module):\n"
        "    calls = 0\n"
        "    def forward(self, prediction, target):\n"
        "        Exploding.calls += self.training\n"
        "        factor = float('nan') if Exploding.calls > 6 else 1\n"
        "        return factor * (prediction - target).square()\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        message = fails(
            "fit",
            digits,
            "--model.tasks.glyph.loss=exploding.Exploding",
            "--trainer.limit_train_batches=4",
            "--trainer.enable_progress_bar=false",
            "--run.wandb=off",
        )
    assert "'glyph'" in message
    assert "step 6" in message
    (best,) = tmp_path.glob("runs/*/*/checkpoints/best.ckpt")
    assert str(best) in message
    content: Any = torch.load(best, weights_only=True)
    assert content["global_step"] == 4
    for values in content["state_dict"].values():
        if isinstance(values, torch.Tensor) and values.is_floating_point():
            assert values.isfinite().all()


def test_weights_that_explode_before_a_validation(fails: Callable[..., str], digits: str) -> None:
    message = fails(
        "fit",
        digits,
        "--trainer.limit_train_batches=1",
        "--trainer.enable_progress_bar=false",
        "--model.optimizer=torch.optim.SGD",
        "--model.optimizer.lr=1e20",
        "--model.optimizer.weight_decay=0",
        "--run.wandb=off",
    )
    assert "became NaN or infinite" in message


def test_runs_that_cannot_be_written(fails: Callable[..., str], digits: str) -> None:
    Path("a_file").write_text("")
    message = fails("fit", digits, "--run.root=a_file")
    assert "a_file" in message
    assert "--run.root" in message


@pytest.mark.parametrize(
    "arguments",
    [
        *([verb, "{}"] for verb in ("resume", "evaluate", "export", "soup", "ensemble", "init")),
        *([verb, "{}"] for verb in ("serve", "calibrate", "robustness", "sweep-report")),
        *([verb, "{}", "images"] for verb in ("predict", "explain")),
        ["fit", "--config={}"],
        ["inspect", "--config={}"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_name_that_no_file_can_have(fails: Callable[..., str], arguments: list[str]) -> None:
    name = "y" * 300
    said = fails(*(each.format(name) for each in arguments))
    assert name in said
    assert "File name too long" in said


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("--trainer.devices=100", "100 processes share each batch, but batch_size is 64"),
        ("--data.num_workers=100000", "num_workers is 100000; give a number from 0 to 1024"),
    ],
)
def test_more_processes_than_can_have_work(
    fails: Callable[..., str], quick: tuple[str, ...], setting: str, says: str
) -> None:
    assert says in fails("fit", *quick, setting)


def test_a_file_that_never_ends(fails: Callable[..., str]) -> None:
    assert "/dev/zero has more than 67,108,864 characters" in fails("fit", "--config=/dev/zero")


def test_a_home_that_does_not_exist(
    fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pets = ROOT / "configs/experiment/pets.yaml"
    said = fails("fit", f"--config={pets}", "--data.root=~nobody-here/pets")
    assert "~nobody-here/pets begins with the home of a user who does not exist" in said
    monkeypatch.setenv("MULTITASK_CACHE", "~nobody-here")
    with pytest.raises(InputError, match="~nobody-here begins with the home"):
        default_folder()


def test_one_callback_by_name_is_refused_as_in_a_list(fails: Callable[..., str]) -> None:
    started = ("fit", "--config", str(DIGITS), "--run.wandb=off")
    said = fails(*started, "--trainer.callbacks=multitask.callbacks.RobustEvaluation")
    assert said.endswith("RobustEvaluation has neither attacks nor corruptions; give one of them")
