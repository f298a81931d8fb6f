"""Bad input ends in one sentence: where it stands, what is wrong, what would be right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import yaml
from lightning.pytorch.cli import LightningArgumentParser

from multitask import InputError
from multitask.cli.check import check_arguments
from multitask.cli.command_line import CommandLine
from multitask.cli.parser import parse
from multitask.configuration.parser_messages import explain

GOOD = """\
seed_everything: 0
run: {experiment: digits}
data:
  class_path: multitask.data.PosedDigits
  init_args: {tasks: [digit, glyph], labels_per_class: 10, batch_size: 64}
model:
  encoder: {class_path: multitask.encoders.ConvNet}
  tasks:
    digit:
      class_path: multitask.tasks.Classification
      init_args:
        num_classes: 10
    glyph:
      class_path: multitask.tasks.Regression
      init_args: {size: 16, scale: common}
  optimizer: {class_path: torch.optim.AdamW, init_args: {lr: 0.005}}
  scheduler: {class_path: torch.optim.lr_scheduler.CosineAnnealingLR, init_args: {T_max: 300}}
trainer:
  max_epochs: 5
"""
CLASSIFICATION = "class_path: multitask.tasks.Classification"
REGRESSION_ARGUMENTS = "init_args: {size: 16, scale: common}"
ADAMW = "optimizer: {class_path: torch.optim.AdamW, init_args: {lr: 0.005}}"

# Each case replaces a piece of the good file; the sentence must hold all parts.
BAD_LINES = {
    "unknown top-level key": ("trainer:\n", "trainr:\n", [":18: ", "'trainr'", "mean 'trainer'"]),
    "unknown key of the model": ("optimizer:", "optimiser:", [":16: ", "mean 'optimizer'"]),
    "unknown key of the trainer": ("max_epochs:", "max_epoch:", [":19: ", "mean 'max_epochs'"]),
    "unknown key of the run": ("experiment:", "experimnt:", [":2: ", "mean 'experiment'"]),
    "unknown argument of a task": (
        "num_classes:",
        "num_clases:",
        [":12: ", "task 'digit'", "Classification has no setting", "mean 'num_classes'"],
    ),
    "unknown argument of the data": (
        "labels_per_class",
        "label_per_class",
        [":5: ", "mean 'labels"],
    ),
    "unknown argument of DataModule": ("batch_size", "batch_sze", [":5: ", "mean 'batch_size'"]),
    "unknown argument of the optimizer": ("{lr:", "{lrr:", [":16: ", "AdamW", "mean 'lr'"]),
    "unknown class": (
        "tasks.Classification",
        "tasks.Clasification",
        [":10: ", "task 'digit'", "multitask.tasks", "mean 'Classification'"],
    ),
    "unknown short name": (
        "multitask.tasks.Regression",
        "Regresion",
        [":14: ", "task 'glyph'", "no Task called 'Regresion'", "mean 'Regression'"],
    ),
    "unknown module": (
        "multitask.encoders.ConvNet",
        "multitask.encodrs.ConvNet",
        [":7: ", "no module 'multitask.encodrs'", "mean 'multitask.encoders'"],
    ),
    "unknown package": ("torch.optim.A", "tourch.optim.A", [":16: ", "no module", "mean 'torch'"]),
    "class used as a module": (
        "tasks.Classification",
        "tasks.base.Task.Classification",
        [":10: ", "no 'Classification' in multitask.tasks.base.Task"],
    ),
    "class of another kind": (
        "multitask.encoders.ConvNet",
        "multitask.tasks.Regression",
        [":7: ", "Regression is not an Encoder", "'ConvNet'"],
    ),
    "abstract class": ("tasks.Regression", "tasks.Task", [":14: ", "a base class", "'Regression'"]),
    "forgotten init_args": (
        "      init_args:\n        num_classes: 10",
        "      num_classes: 10",
        [":11: ", "task 'digit'", "'num_classes' belongs under init_args"],
    ),
    "misspelt init_args": ("init_args: {size", "init_arg: {size", [":15: ", "mean 'init_args'"]),
    "empty init_args": ("        num_classes: 10\n", "", [":11: ", "task 'digit'", "is empty"]),
    "misspelt class_path": (
        CLASSIFICATION,
        "class_pth: multitask.tasks.Classification",
        [":10: ", "task 'digit'", "'class_pth'", "mean 'class_path'"],
    ),
    "no class_path": (
        f"{CLASSIFICATION}\n      ",
        "",
        [":10: ", "task 'digit'", "no class_path", "'Classification'", "'Regression'"],
    ),
    "empty class_path": (
        CLASSIFICATION,
        "class_path:",
        [":10: ", "class_path should name a class"],
    ),
    "empty task": (
        f"\n      class_path: multitask.tasks.Regression\n      {REGRESSION_ARGUMENTS}",
        "",
        [":13: ", "task 'glyph'", "is empty"],
    ),
    "required argument absent": ("num_classes: 10", "weight: 2", [":10: ", "needs num_classes"]),
    "required argument of the schedule": ("T_max: 300", "eta_min: 0", [":17: ", "needs T_max"]),
    "whole number": ("num_classes: 10", "num_classes: ten", [":12: ", "a whole number, not 'ten'"]),
    "null": ("num_classes: 10", "num_classes:", [":12: ", "num_classes is empty"]),
    "number": ("lr: 0.005", "lr: fast", [":16: ", "lr should be a number, not 'fast'"]),
    "list": ("[digit, glyph]", "digit", [":5: ", "tasks should be a list of texts, not 'digit'"]),
    "choice": ("scale: common", "scale: comon", [":15: ", "'element', 'common'", "mean 'common'"]),
    "truth value of YAML": (
        "experiment: ",
        "wandb: off, experiment: ",
        [":2: ", "or 'off', not False; write 'off' in quotes, otherwise YAML reads it as False"],
    ),
    "list of tasks": ("digit:\n", "- digit:\n", ["good.yaml:", "invalid YAML"]),
    "duplicate key": (
        "    glyph:\n",
        "    digit:\n",
        [":13: ", "'digit' occurs twice", "first at good.yaml:9"],
    ),
    "unclosed bracket": ("[digit, glyph]", "[digit, glyph", [":5: ", "not closed by ']'"]),
    "unclosed brace": ("T_max: 300}}", "T_max: 300", ["invalid YAML", "starts in line 17"]),
    "unclosed quote": ("common}", "'common}", ["invalid YAML", "a quote", "line 15"]),
    "two colons": ("max_epochs: 5", "max_epochs: 5: 6", [":19: ", "one colon too many"]),
    "wrong indentation": ("  optimizer:", " optimizer:", [":16: ", "the indentation"]),
    "special character": ("num_classes: 10", "num_classes: @x", [":12: ", "begin with '@'"]),
    "tab": ("  max_epochs", "\tmax_epochs", [":19: ", "invalid YAML", "indent with spaces"]),
    "missing sub-config": (
        "{class_path: multitask.encoders.ConvNet}",
        "parts/convnett.yaml",
        [":7: ", "no file parts/convnett.yaml", "mean 'convnet.yaml'"],
    ),
    "error in sub-config": (
        "{class_path: multitask.encoders.ConvNet}",
        "parts/typo.yaml",
        ["parts/typo.yaml:3: ", "ConvNet has no setting 'grd'", "mean 'grid'"],
    ),
}
STILL_GOOD = {
    "as it is": ("", ""),
    "short names": ("multitask.tasks.Regression", "Regression"),
    "a class name alone": ("{class_path: multitask.encoders.ConvNet}", "ConvNet"),
    "sub-config": ("{class_path: multitask.encoders.ConvNet}", "parts/convnet.yaml"),
    "appended callbacks": ("max_epochs: 5", "callbacks+: {class_path: Timer}"),
    "keyword arguments that are passed on": (
        "max_epochs: 5",
        "strategy: {class_path: DDPStrategy, init_args: {static_graph: true}}",
    ),
    "anchors": ("num_classes: 10", "&ten num_classes: 10\n        weight: &one 1.0"),
    "merge key": (
        REGRESSION_ARGUMENTS,
        "init_args: {<<: {size: 16, scale: none}, scale: common}",
    ),
}
# Arguments after a good file, and the parts of the sentence.
BAD_ARGUMENTS = [
    ("--model.tasks.digit.num_clases=3", ["task 'digit'", "mean 'num_classes'"]),
    ("--model.tasks.digit.init_args.num_clases=3", ["task 'digit'", "mean 'num_classes'"]),
    ("--model.tasks.digit.num_classes=three", ["task 'digit'", "a whole number, not 'three'"]),
    ("--model.tasks.digt.weight=2", ["no task 'digt'", "mean 'digit'"]),
    ("--model.tasks.xx.init_args.weight=2", ["no task 'xx'", "'digit', 'glyph'"]),
    ("--model.tasks.digit=Clasification", ["task 'digit'", "mean 'Classification'"]),
    ("--model.tasks.digit=multitask.tasks.Clasification", ["mean 'Classification'"]),
    ("--model.tasks.y=Classification", ["task 'y'", "needs num_classes (a whole number)"]),
    ("--model.tasks.digit.head=MLPHed", ["task 'digit'", "mean 'MLPHead'"]),
    ("--model.tasks.digit.head=MLPHead --model.tasks.digit.head.hiden=[3]", ["mean 'hidden'"]),
    ("--model.sharing=HardSharin", ["no Sharing called", "mean 'HardSharing'"]),
    ("--model.tasks.digit.head=Linear", ["several classes are called Linear", "torch.nn.Linear"]),
    ("--model.tasks.glyph.scale=all", ["task 'glyph'", "'element', 'common' or 'none'"]),
    (
        "--model.tasks.digit.class_weights=[a]",
        ["task 'digit'", "a list of numbers, 'balanced' or null"],
    ),
    ("--model.tasks={a:Classification}", ["put a space after each colon"]),
    ("--model.encodr=1", ["the model", "mean 'encoder'"]),
    ("--model.encoder=ConvNett", ["no Encoder called 'ConvNett'", "mean 'ConvNet'"]),
    ("--model.encoder=MLP", ["needs in_features (a whole number)"]),
    ("--model.encoder=Encoder", ["a base class", "'ConvNet'"]),
    ("--model.encoder.channels=[1,a]", ["a list of whole numbers"]),
    ("--model.balancer=FixedWeight", ["mean 'FixedWeights'"]),
    ("--model.balancer=Scalarized --model.balancer.scalarizer=UWW", ["mean 'UW'"]),
    ("--model.optimizer=AdmW", ["no Optimizer called 'AdmW'", "mean 'AdamW'"]),
    ("--model.optimizer=torch.optm.AdamW", ["no module 'torch.optm'", "mean 'torch.optim'"]),
    ("--model.optimizer.lrr=0.1", ["AdamW has no setting 'lrr'", "mean 'lr'"]),
    ("--model.optimizer.amsgrad", ["has no value", "write --model.optimizer.amsgrad=true"]),
    ("--model.scheduler.T_max=x", ["T_max", "a whole number"]),
    ("--model.scheduler_interval=steps", ["'step' or 'epoch'", "mean 'step'"]),
    ("--data=PosedDigit", ["no DataModule called 'PosedDigit'", "mean 'PosedDigits'"]),
    ("--data.batch_sizes=3", ["PosedDigits", "mean 'batch_size'"]),
    ("--data.transforms+=torchvision.transforms.v2.Grayscal", ["mean 'Grayscale'"]),
    ("--trainer.max_epoch=2", ["the trainer", "mean 'max_epochs'"]),
    ("--trainer.max_epochs=two", ["a whole number or null, not 'two'"]),
    ("--trainer.enable_progress_bar=maybe", ["true, false or null"]),
    ("--trainer.precision=bf61", ["'16-mixed'", "mean 'bf16'"]),
    ("--trainer.callbacks+=EarlyStoping", ["no Callback", "mean 'EarlyStopping'"]),
    ("--trainer.logger=WandbLoger", ["no Logger", "mean 'WandbLogger'"]),
    ("--trainer.logger=fales", ["a list of Loggers, true, false or null"]),
    ("--run.experimnt=x", ["run has no setting", "mean 'experiment'"]),
    *(
        (f"--seed_everything={value}", ["give a whole number from 0 to 4294967295, or false"])
        for value in ["x", "true", "True", "yes", "-1", "1e3", "1.5", "1:30", "0b11", "null", "[1]"]
    ),
    ("--modl.x=1", ["no setting 'modl'", "mean 'model'"]),
    ("--verbose=true", ["fit has no such setting"]),
]
# Whole command lines, and the sentence's parts.
BAD_COMMANDS = [
    ("fit", ["model.encoder, model.tasks and data are missing", "--config=configs/experiment/"]),
    ("fit --model.encoder=ConvNet", ["model.tasks and data are missing", "--config="]),
    ("fitt --config=good.yaml", ["no command 'fitt'", "mean 'fit'"]),
    ("resum", ["no command 'resum'", "mean 'resume'"]),
    ("--config=good.yaml", ["give a command first", "test, predict, serve, evaluate"]),
    ("--config=good.yaml fit", ["write 'fit' first"]),
    ("fit --config", ["--config needs a value"]),
    ("fit --config=god.yaml", ["no file god.yaml", "mean 'good.yaml'"]),
    ("fit --config=good.yaml --trainer=nope.yaml", ["--trainer=nope.yaml: ", "no file nope.yaml"]),
    ("fit --config=good.yaml --model=parts/model.yaml", ["parts/model.yaml:2: ", "mean 'grid'"]),
    (
        "fit --config=good.yaml --model.tasks.y.size=3 --model.tasks.y=Regression",
        ["--model.tasks.y.size=3 must come after --model.tasks.y=Regression"],
    ),
    (
        "fit --config=good.yaml --model.encoder.in_features=3 --model.encoder=MLP",
        ["--model.encoder.in_features=3 must come after --model.encoder=MLP"],
    ),
    ("fit --config=good.yaml extra", ["'extra' is not an argument; settings are written"]),
    ("fit good.yaml", ["'good.yaml' is not an argument; write --config=good.yaml"]),
    ("fit --config=good.yaml trainer.max_epochs=2", ["mean '--trainer.max_epochs=2'"]),
    ("fit --config=good.yaml --trainer.max_epochs", ["write --trainer.max_epochs=..."]),
]


class Dry(CommandLine):
    """The program's parser, without what comes after it."""

    def parse_arguments(self, parser: LightningArgumentParser, args: object) -> None:
        """Nothing."""

    def instantiate_classes(self) -> None:
        """Nothing."""

    def _set_seed(self) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def parser() -> LightningArgumentParser:
    """The real parser of fit, built once."""
    return Dry(["fit"]).parser


@pytest.fixture(name="parse")
def _parse(parser: LightningArgumentParser) -> Callable[[str], object]:
    """Check and parse a command line for real."""
    return lambda command: parse(parser, check_arguments(command.split()))


@pytest.fixture(autouse=True)
def _files(_own_folder: None) -> None:
    """A good configuration, and parts that others can name."""
    write("good.yaml", GOOD)
    write("parts/convnet.yaml", "class_path: ConvNet\ninit_args: {grid: 3}\n")
    write("parts/typo.yaml", "class_path: ConvNet\ninit_args:\n  grd: 3\n")
    write("parts/model.yaml", "encoder:\n  init_args: {grd: 3}\n")


def write(name: str, text: str) -> Path:
    """Write a file below the test's folder."""
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def changed(before: str, after: str) -> Path:
    """Replace a piece of the good file."""
    assert before in GOOD
    return write("good.yaml", GOOD.replace(before, after, 1))


def check_config_files(paths: Sequence[Path | str], arguments: Sequence[str] = ()) -> None:
    """Check files, and further arguments."""
    check_arguments(["fit", *(f"--config={path}" for path in paths), *arguments])


def refused(*paths: Path | str, arguments: tuple[str, ...] = ()) -> str:
    """The sentence about files."""
    with pytest.raises(InputError) as raised:
        check_config_files(paths, arguments)
    return one_line(str(raised.value))


def one_line(sentence: str) -> str:
    """A sentence is one line, in words rather than in Python's."""
    assert sentence
    assert "\n" not in sentence
    assert "<class" not in sentence
    return sentence


@pytest.mark.parametrize(("before", "after", "parts"), BAD_LINES.values(), ids=BAD_LINES)
def test_bad_file(before: str, after: str, parts: list[str]) -> None:
    sentence = refused(changed(before, after))
    for part in parts:
        assert part in sentence, sentence


@pytest.mark.parametrize(("before", "after"), STILL_GOOD.values(), ids=STILL_GOOD)
def test_good_file(parse: Callable[[str], object], before: str, after: str) -> None:
    check_config_files([changed(before, after)])
    parse("fit --config=good.yaml")


@pytest.mark.parametrize(("extra", "parts"), BAD_ARGUMENTS)
def test_bad_argument(parse: Callable[[str], object], extra: str, parts: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        parse(f"fit --config=good.yaml {extra}")
    sentence = one_line(str(raised.value))
    for part in [extra.split()[-1].split("=")[0], *parts]:
        assert part in sentence, sentence


@pytest.mark.parametrize(("command", "parts"), BAD_COMMANDS)
def test_bad_command(parse: Callable[[str], object], command: str, parts: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        parse(command)
    sentence = one_line(str(raised.value))
    for part in parts:
        assert part in sentence, sentence


def test_value_after_a_space(parse: Callable[[str], object]) -> None:
    with pytest.raises(InputError, match=r"--trainer\.max_epochs=two: max_epochs should be"):
        parse("fit --config=good.yaml --trainer.max_epochs two")


def test_negative_value_is_no_option(parse: Callable[[str], object]) -> None:
    parse("fit --config=good.yaml --trainer.max_epochs -1")


@pytest.mark.parametrize(
    ("text", "part"),
    [("", "empty"), ("- a\n", "a list"), ("digits", "a single value"), ("? [a]\n: 1\n", "name")],
)
def test_no_mapping(text: str, part: str) -> None:
    sentence = refused(write("odd.yaml", text))
    assert sentence.startswith("odd.yaml")
    assert part in sentence


def test_no_text() -> None:
    Path("odd.yaml").write_bytes(b"\xff\xfe\x00")
    assert "odd.yaml cannot be read" in refused("odd.yaml")


def test_missing_file() -> None:
    assert refused("god.yaml") == "there is no file god.yaml; did you mean 'good.yaml'?"


def test_module_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    write("mine.py", "import nonsense\n\nclass Net: ...\n")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    sentence = refused(changed("multitask.encoders.ConvNet", "mine.Net"))
    assert "good.yaml:7: the module 'mine' cannot be imported" in sentence
    assert "nonsense" in sentence


def test_argument_supplies_what_the_file_leaves_out() -> None:
    path = changed("num_classes: 10", "weight: 2")
    check_config_files([path], ["--model.tasks.digit.num_classes=10"])
    check_config_files([path], ["--model.tasks.digit.init_args.num_classes", "10"])


def test_second_file_changes_single_settings(parse: Callable[[str], object]) -> None:
    text = "model: {encoder: {init_args: {grid: 4}}}\ntrainer: {max_epochs: 1}\n"
    second = write("second.yaml", text)
    check_config_files([Path("good.yaml"), second])
    parse("fit --config=good.yaml --config=second.yaml")


def test_second_file_may_change_a_class() -> None:
    first = changed("encoders.ConvNet", "encoders.ConvNet, init_args: {grid: 2}")
    second = "model: {encoder: {class_path: MLP, init_args: {in_features: 64}}}\n"
    check_config_files([first, write("second.yaml", second)])


def test_error_in_second_file() -> None:
    second = write("second.yaml", "model:\n  encoder:\n    init_args: {grd: 4}\n")
    sentence = refused("good.yaml", second)
    assert sentence == "second.yaml:3: ConvNet has no setting 'grd'; did you mean 'grid'?"


@pytest.mark.parametrize("where", ["config", "sub-config", "argument"])
def test_tasks_in_two_files(where: str) -> None:
    tasks = "tasks:\n  digit: {class_path: Classification, init_args: {num_classes: 10}}\n"
    write("parts/tasks.yaml", tasks)
    write("second.yaml", "model: parts/tasks.yaml\n")
    second = {"config": ["good2.yaml"], "sub-config": ["second.yaml"], "argument": []}[where]
    write("good2.yaml", GOOD)
    arguments = ("--model=parts/tasks.yaml",) if where == "argument" else ()
    sentence = refused("good.yaml", *second, arguments=arguments)
    assert "the tasks are defined in both good.yaml:8 and " in sentence
    assert "--model.tasks.digit.weight=2" in sentence


def test_complete_configuration_passes(parse: Callable[[str], object]) -> None:
    printed = StringIO()
    with redirect_stdout(printed), pytest.raises(SystemExit):
        parse("fit --config=good.yaml --print_config")
    complete = write("complete.yaml", printed.getvalue())
    assert yaml.safe_load(printed.getvalue())["model"]["encoder"]["init_args"]["grid"] == 3
    check_config_files([complete])
    parse("fit --config=complete.yaml")


def test_unknown_message_keeps_its_reason() -> None:
    message = 'Parser key "trainer.x":\n  Errors:\n    - Something odd\n  Given value: 3'
    configuration = check_arguments(["fit"])
    assert explain(message, configuration) == "trainer.x: Something odd"
    assert explain("", configuration)
