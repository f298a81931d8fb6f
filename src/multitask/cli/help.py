"""Help for each verb."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from multitask.configuration.offered import EXAMPLE
from multitask.errors import InputError, nearest

ASKING = ("-h", "--help")
VERSION = "--version"
LISTED_BY_PARSER = "fit"
"""The verb for whose settings the parser prints a list."""
VERBS = {
    "fit": (
        "multitask fit --config=FILE [--KEY=VALUE ...]",
        "Train, then test the best checkpoint.",
    ),
    "validate": (
        "multitask validate --ckpt_path=RUN/checkpoints/best.ckpt [--trust] [--KEY=VALUE ...]",
        "Compute the validation metrics of a checkpoint.",
    ),
    "test": (
        "multitask test --ckpt_path=RUN/checkpoints/best.ckpt [--trust] [--KEY=VALUE ...]",
        "Compute the test metrics of a checkpoint.",
    ),
    "predict": (
        "multitask predict CHECKPOINT IMAGES|FOLDER|TABLE|TEXTS.txt [--text=TEXT] "
        "[--output=predictions.csv] [--embeddings=FILE] [--image_column=NAME] "
        "[--image_folder=FOLDER] [--batch_size=256] [--device=cpu] [--trust]",
        "Write a table of predictions for new samples; with --ckpt_path=RUN/checkpoints/best.ckpt "
        "[--KEY=VALUE ...]\n    and no samples, for the test set of the checkpoint's run.",
    ),
    "serve": (
        "multitask serve CHECKPOINT|MODEL.onnx [--host=127.0.0.1] [--port=8000] [--device=NAME] "
        "[--trust] [--megabytes=20] [--megapixels=50] [--kilobytes=100] "
        "[--waiting=32] [--seconds=30]",
        "Open a page, and a route for programs, where the model answers.",
    ),
    "evaluate": (
        "multitask evaluate CHECKPOINT [TABLE] [--group=COLUMN] [--against=OTHER.ckpt] "
        "[--image_column=NAME] [--image_folder=FOLDER] [--split=test] [--folder=FOLDER] "
        "[--device=cpu] [--trust]",
        "Metrics with intervals on labelled samples: of a table, or the run's own test set.",
    ),
    "calibrate": (
        "multitask calibrate RUN|CHECKPOINT [--level=0.9] [--tasks=NAME,NAME] [--table=TABLE] "
        "[--test_table=TABLE] [--image_column=NAME] [--image_folder=FOLDER] "
        "[--output=calibrated.ckpt] [--folder=FOLDER] [--device=cpu] [--trust]",
        "Fit probabilities and intervals to the validation split, and show them on the test split.",
    ),
    "explain": (
        "multitask explain CHECKPOINT IMAGES|TABLE [--text=TEXT] [--slow] [--class=TASK:NAME] "
        "[--element=TASK:NAME] [--labels=TABLE] [--training=FOLDER] [--study=FOLDER] "
        "[--against=OTHER.ckpt] [--folder=FOLDER] [--device=cpu] [--trust]",
        "A page on what each task looks at in images and texts, and on what the tasks share.",
    ),
    "ensemble": (
        "multitask ensemble RUN RUN [RUN ...] [--folder=FOLDER] [--device=cpu] [--trust]",
        "Pool runs, or checkpoints, of the same tasks into one model, and test it.",
    ),
    "robustness": (
        "multitask robustness RUN|CHECKPOINT [--eps=0.01,0.02,0.05] [--l2=0.5] [--steps=20] "
        "[--restarts=5] [--samples=1000] [--corruptions=true] [--table=TABLE] "
        "[--image_column=NAME] [--image_folder=FOLDER] [--split=test] [--folder=FOLDER] "
        "[--device=cpu] [--trust]",
        "Metrics of each task under attacks and on corrupted images.",
    ),
    "resume": (
        "multitask resume [RUN] [--trust] [--KEY=VALUE ...]",
        "Continue an interrupted run; the latest if none is named.",
    ),
    "extend": (
        "multitask extend RUN|CHECKPOINT --config=TASKS.yaml [--output=extended.yaml] [--trust]",
        "Write the configuration that adds tasks to a run, which keeps those that it has.",
    ),
    "adapt": (
        "multitask adapt RUN|CHECKPOINT --config=TASK.yaml [--shots 1 5 20] [--episodes=10] "
        "[--learners NAME ...] [--samples=1000] [--write=FOLDER] [--folder=FOLDER] [--device=cpu] "
        "[--trust]",
        "Compare ways to learn a new task from few labels with a run's encoder.",
    ),
    "init": (
        "multitask init TABLE|FOLDER [--output=experiment.yaml] [--image_column=NAME] "
        "[--image_folder=FOLDER] [--targets=COLUMN,COLUMN] [--inputs=COLUMN,COLUMN]",
        "Write a configuration for a table of images, texts or numbers, and report on its data.",
    ),
    "new": (
        "multitask new NAME",
        "Create a folder for your own project, with data, an encoder and a test, ready to train.",
    ),
    "inspect": (
        "multitask inspect CONFIG [--KEY=VALUE ...]",
        "Report on the data of a configuration, before anything is trained on them.",
    ),
    "export": (
        "multitask export CHECKPOINT [--format=onnx|torch_export|aoti|hub] [--output=PATH] "
        "[--trust] [--licence=mit] [--data_licence=cc-by-4.0] [--evaluation=FOLDER] "
        "[--push=USER/NAME]",
        "Write a checkpoint's model as one file that runs without this package, or for the hub.",
    ),
    "study": (
        "multitask study configs/study/digits.yaml [--jobs=2] [--shard=1/4] [--folder=studies]",
        "Train methods and baselines over seeds, and write one report; existing results are kept.",
    ),
    "soup": (
        "multitask soup RUN RUN ... [--greedy] [--device=cpu] [--trust]",
        "Average the weights of runs that started from the same weights, as a new run.",
    ),
    "sweep": (
        "multitask sweep configs/sweep/tuning.yaml [--processes=1] [--folder=sweeps]",
        "Search settings of a W&B sweep file on this machine; run again to continue.",
    ),
    "sweep-report": (
        "multitask sweep-report ENTITY/PROJECT/ID (or the folder of its runs) [--folder=studies] "
        "[--sweep=ID]",
        "Report on the runs of a sweep.",
    ),
}
"""Usage and description of each verb."""


def usage(verb: str) -> str:
    """The usage of a verb."""
    return VERBS[verb][0]


def check_verb(arguments: Sequence[str]) -> None:
    """Raise an `InputError` if a command line does not begin with a verb."""
    first = arguments[0] if arguments else ""
    if first in VERBS:
        return
    if first and not first.startswith("-"):
        raise InputError(f"there is no command '{first}'{nearest(first, VERBS)}")
    if late := [each for each in arguments if each in VERBS]:
        raise InputError(f"write '{late[0]}' first, as in: multitask {late[0]} {EXAMPLE}")
    raise InputError(f"give a command first ({', '.join(VERBS)}), as in: multitask fit {EXAMPLE}")


def help_for(arguments: Sequence[str]) -> str | None:
    """The requested help or version; None if none is requested, or if the parser answers."""
    if list(arguments) == [VERSION]:
        return f"multitask {version('multitask')}"
    if not any(each in ASKING for each in arguments):
        return None
    verb = arguments[0]
    if verb in ASKING:
        return _overview()
    if verb not in VERBS or verb == LISTED_BY_PARSER:
        return None
    how, what = VERBS[verb]
    lines = [f"usage: {how}", "", what]
    if "--KEY=VALUE" in how:
        lines += ["", f"For all settings: multitask {LISTED_BY_PARSER} --help"]
    return "\n".join(lines)


def _overview() -> str:
    lines = ["One model, several tasks: multi-task learning on PyTorch Lightning.", ""]
    for how, what in VERBS.values():
        lines += [how, f"    {what}"]
    return "\n".join([*lines, "", f"For all settings: multitask {LISTED_BY_PARSER} --help"])
