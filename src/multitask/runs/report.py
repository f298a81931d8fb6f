"""The report that a run prints at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table
from torch import Tensor

from multitask.callbacks.changed_metrics import of_part, parts_of
from multitask.callbacks.old_metrics import BEFORE
from multitask.callbacks.source_evaluation import of_source, sources_of
from multitask.checkpoints.source import weight_files
from multitask.data import DataModule
from multitask.module import MultiTask
from multitask.pages.screen_table import print_tables
from multitask.pages.shown import shown
from multitask.pages.words import arrow, counted, listed
from multitask.runs.log_file import LOG, say
from multitask.training.model_size import parameter_counts


def results_table(
    model: MultiTask, split: str, values: Mapping[str, Tensor], source: str | None = None
) -> Table:
    """Compare each task's metrics with those of the trivial predictor.

    Args:
        model: the model, which defines each metric's direction.
        split: ``test`` or ``val``.
        values: metrics by name, ``<split>/<task>/<metric>`` and ``trivial/<task>/<metric>``.
        source: source to whose samples the metrics are restricted, without the trivial predictor's;
            default: all samples.
    """
    of = "" if source is None else f", source {source}"
    # Square brackets in a name are not colour markup.
    title = escape(shown(f"{split} set{of}, original units"))
    table = Table(title=title, title_justify="left")
    for column in ("task", "metric", split):
        table.add_column(column, justify="right" if column == split else "left")
    has_trivial = source is None and any(name.startswith("trivial/") for name in values)
    if has_trivial:
        table.add_column("trivial predictor", justify="right")
    for name, higher in model.evaluations.directions():
        prefix, task, metric = (*name.split("/"), "")[:3]
        key = name if source is None else of_source(name, source)
        if prefix == split and metric not in ("", "loss") and key in values:
            row = [task, escape(f"{metric} {arrow(higher)}".strip()), _shown(values[key])]
            trivial = values.get(f"trivial/{task}/{metric}")
            table.add_row(*row, *([_shown(trivial)] if has_trivial else []))
    return table


def report(
    model: MultiTask,
    split: str,
    values: Mapping[str, Tensor],
    folder: Path,
    sync: str | None,
) -> None:
    """Print the tables, the run's folder, and how to send an offline run to W&B.

    Args:
        model: the model.
        split: ``test`` or ``val``.
        values: see `results_table`.
        folder: the run's folder.
        sync: the command that sends the run; None if there is nothing to send.
    """
    tables = [results_table(model, split, values)]
    tables += [results_table(model, split, values, source) for source in sources_of(values)]
    if parts := parts_of(values):
        tables.append(_robust_table(model, split, values, parts))
    LOG.info("\n" + print_tables(tables))
    show_kept(model, split, values)
    if any(name.startswith("trivial/") for name in values):
        say("The trivial predictor ignores the input: the most frequent class or the mean target.")
    if (score := values.get(f"{split}/score")) is not None:
        say(score_in_words(model, split, values, float(score)))
    say_where(folder, sync)


def show_kept(model: MultiTask, split: str, values: Mapping[str, Tensor]) -> None:
    """Print what `kept_table` finds, if anything; see there."""
    if (table := kept_table(model, split, values)) is not None:
        LOG.info("\n" + print_tables([table]))


def kept_table(model: MultiTask, split: str, values: Mapping[str, Tensor]) -> Table | None:
    """Compare the headline metrics of kept tasks with those of the model that they come from.

    Args:
        model: the model.
        split: ``test`` or ``val``.
        values: metrics by name, see `multitask.callbacks.old_metrics`.

    Returns:
        The table; None if no kept task has a label in the split.
    """
    table = Table(title=f"{split} set, tasks that were kept", title_justify="left")
    for column in ("task", "metric", "before", "now"):
        table.add_column(column, justify="right" if column in ("before", "now") else "left")
    higher = dict(model.evaluations.directions())
    for task, each in model.named_tasks.items():
        name = f"{split}/{task}/{each.headline}"
        if (before := values.get(f"{BEFORE}/{name}")) is not None and name in values:
            named = escape(f"{each.headline} {arrow(higher[name])}".strip())
            table.add_row(task, named, _shown(before), _shown(values[name]))
    return table if table.rows else None


def _robust_table(
    model: MultiTask, split: str, values: Mapping[str, Tensor], parts: Sequence[str]
) -> Table:
    """Each task's headline metric, on the original images and on the changed ones."""
    table = Table(
        title=f"{split} set: all as they are, and the samples that were changed",
        title_justify="left",
    )
    for column in ("task", "metric"):
        table.add_column(column)
    for part in ("as they are", *parts):
        table.add_column(part.rpartition("/")[2], justify="right")
    higher = dict(model.evaluations.directions())
    for task, each in model.named_tasks.items():
        name = f"{split}/{task}/{each.headline}"
        if name in values:
            cells = [values[name], *(values.get(of_part(name, part)) for part in parts)]
            named = f"{each.headline} {arrow(higher[name])}"
            table.add_row(task, escape(named), *map(_shown, cells))
    return table


def score_in_words(model: MultiTask, split: str, values: Mapping[str, Tensor], score: float) -> str:
    """Describe the score in words, and the tasks that it covers.

    Args:
        model: the model.
        split: ``test`` or ``val``.
        values: metrics by name.
        score: the score of the split.
    """
    headlines = model.evaluations.of(split).headlines
    judged = [
        f"{task} ({metric})"
        for task, metric in headlines.items()
        if f"{split}/{task}/{metric}" in values
    ]
    tasks = listed(judged, len(judged)) or "no task"
    return (
        f"{split}/score {max(score, 0):.4g} is the mean over {tasks}, "
        "where 0 is the trivial predictor or anything worse, and 1 is perfect."
    )


def describe(model: MultiTask, data: DataModule) -> str:
    """One line on the model and its training data, and one for each file that it starts from."""
    counts = parameter_counts(model)
    own, all = counts["own_parameters"], counts["parameters"]
    learn = sum(each.numel() for each in model.parameters() if each.requires_grad)
    # For targets on a disk, these are a subset that stands for all.
    targets, size = data.targets("train"), len(data.splits["train"])
    labels = ", ".join(
        f"{name} ({round(size * float(task.known(targets[name]).double().mean()))} labels)"
        for name, task in model.named_tasks.items()
    )
    said = (
        f"{type(model.encoder).__name__} with {counts['shared_parameters']:,} parameters"
        f"{f', single tasks with {own:,}' if own else ''} and heads with "
        f"{counts['head_parameters']:,}{f', {learn:,} of them trainable' if learn < all else ''}; "
        f"{size} training samples; tasks: {labels}"
    )
    return "\n".join([said, *(each.sentence for each in weight_files(model))])


def describe_predicted(
    data: DataModule, batches: Sequence[int | float], checkpoint: str | None
) -> list[str]:
    """For which samples of a run predictions were made, and how to make them for all.

    Args:
        data: the data of the run.
        batches: number of batches of each data loader.
        checkpoint: path of the model.
    """
    total = sum(map(len, data.splits.values()))
    samples = int(min(sum(batches) * data.batch_size, len(data.splits["test"])))
    said = [f"Predicted for {samples:,} of {counted(total, 'sample')}, those of the test split"]
    if samples < total and data.tables():
        has_images = data.image_format() is not None
        subject = f"{checkpoint or 'CHECKPOINT'} {'IMAGES' if has_images else 'TABLE'}"
        what = "images of a table or a folder" if has_images else "rows of a table"
        said.append(f"For all {what}: multitask predict {subject}")
    return said


def say_where(folder: Path, sync: str | None) -> None:
    """Print where the run is, on lines that can be copied."""
    say(f"Run: {folder}")
    if sync is not None:
        say(f"Recorded offline; to send it to W&B: {sync}")


def _shown(value: Tensor | None) -> str:
    return "" if value is None else f"{float(value):.4g}"
