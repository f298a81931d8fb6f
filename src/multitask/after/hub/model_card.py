"""The model card for the hub: what the model does, how well, and its limitations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from multitask.after.hub.card_facts import CardFacts
from multitask.after.hub.card_inputs import (
    inputs_section,
    is_of_images,
    kinds,
    takes,
    use_section,
)
from multitask.after.hub.card_limits import directions, limits
from multitask.after.trained_model import TrainedModel
from multitask.pages.blocks import Block, Bullets, Heading, Paragraph, Table
from multitask.pages.markdown import markdown
from multitask.pages.shown import shortened

KINDS = {
    "image": {
        "Classification": "image-classification",
        "MultiLabel": "image-classification",
        "Depth": "depth-estimation",
        "Reconstruction": "image-to-image",
        "Segmentation": "image-segmentation",
    },
    "text": {
        "Classification": "text-classification",
        "MultiLabel": "text-classification",
        "TokenLabels": "token-classification",
    },
    "tabular": {
        "Classification": "tabular-classification",
        "MultiLabel": "tabular-classification",
        "Regression": "tabular-regression",
    },
}
"""The hub's name for a task on an input; all others are ``other``."""
MOST_CLASSES, LONGEST = 20, 60
NOT_GIVEN = "not given"


def model_card(trained: TrainedModel, facts: CardFacts, name: str, has_onnx: bool) -> str:
    """Write a model card, with the metadata that the hub reads.

    Args:
        trained: the model.
        facts: facts besides the model itself.
        name: name of the model.
        has_onnx: whether ``model.onnx`` is beside the card.
    """
    from pathlib import Path

    from huggingface_hub import ModelCardData

    data = ModelCardData(
        model_name=name,
        license=facts.licence,
        library_name="multitask",
        tags=["multitask", "multi-task-learning", *dict.fromkeys(kinds(trained))],
        eval_results=_results(trained, facts) or None,
    )
    blocks = _blocks(trained, facts, name, has_onnx)
    return f"---\n{data.to_yaml()}\n---\n\n{markdown(blocks, Path())}"


def _results(trained: TrainedModel, facts: CardFacts) -> list[Any]:
    from huggingface_hub import EvalResult

    told = trained.description
    data, kind = _short_name(told.get("data")), kinds(trained)[0]
    return [
        EvalResult(
            task_type=KINDS[kind].get(told["tasks"].get(each.task, {}).get("kind"), "other"),
            task_name=each.task,
            dataset_type=kind,
            dataset_name=data,
            dataset_split="test",
            metric_type=each.metric,
            metric_name=f"{each.task} {each.metric}",
            metric_value=each.value,
        )
        for each in facts.metrics
        if each.task in told["tasks"]
    ]


def _blocks(trained: TrainedModel, facts: CardFacts, name: str, has_onnx: bool) -> Iterator[Block]:
    tasks = trained.description["tasks"]
    yield Heading(name, 1)
    many = "one task" if len(tasks) == 1 else f"{len(tasks)} tasks at once"
    yield Paragraph(f"A model that {takes(trained)} and performs {many}, made with multitask.")
    yield Heading("Tasks")
    yield Table(["task", "kind", "output"], [_task(*each) for each in tasks.items()], True)
    yield from inputs_section(trained)
    yield Heading("How to use it")
    yield from use_section(trained, has_onnx)
    yield Heading("Data")
    yield Bullets(list(_data(trained, facts)))
    yield Heading("How good it is")
    yield Paragraph(facts.measured_on)
    if facts.metrics:
        yield Table(*_metrics(trained, facts))
        seen = "image" if is_of_images(trained) else "input"
        yield Paragraph(
            f"The trivial predictor ignores the {seen}: the most frequent class or the mean."
        )
    yield Heading("How it was trained")
    yield from _setup(trained, facts)
    yield Heading("Limits")
    yield Bullets(list(limits(trained, facts)))
    yield Heading("Licence")
    yield Bullets(
        [
            f"Of the model: {facts.licence or NOT_GIVEN}.",
            f"Of the data that it was trained on: {facts.data_licence or NOT_GIVEN}.",
        ]
    )


def _task(name: str, told: dict[str, Any]) -> list[str]:
    return [name, str(told.get("kind", "")), _gives(told)]


def _gives(told: dict[str, Any]) -> str:
    if classes := told.get("classes"):
        return f"a probability for each of {len(classes):,} classes: {_some(classes)}"
    unit = f" in {told['unit'].strip()}" if (told.get("unit") or "").strip() else ""
    if elements := told.get("elements"):
        if told.get("kind") == "MultiLabel":
            return f"a probability for each of {len(elements):,} labels: {_some(elements)}"
        return f"numbers{unit}: {', '.join(shortened(each, LONGEST) for each in elements)}"
    return f"numbers{unit}" if unit else "numbers, in the units of the data"


def _some(names: list[str]) -> str:
    first = ", ".join(shortened(each, LONGEST) for each in names[:MOST_CLASSES])
    return first + (
        f", and {len(names) - MOST_CLASSES:,} more" if len(names) > MOST_CLASSES else ""
    )


def _data(trained: TrainedModel, facts: CardFacts) -> Iterator[str]:
    yield f"Data: {trained.description.get('data') or NOT_GIVEN}."
    words = {"train": "trained on", "val": "chosen by", "test": "tested on"}
    what = "images" if is_of_images(trained) else "samples"
    sizes = [f"{words[split]} {size:,} {what}" for split, size in facts.splits.items()]
    yield f"Splits: {', '.join(sizes)}." if sizes else f"Splits: {NOT_GIVEN}."


def _metrics(trained: TrainedModel, facts: CardFacts) -> tuple[list[str], list[list[str]]]:
    better, what = directions(trained), "images" if is_of_images(trained) else "samples"
    has_intervals = any(each.interval for each in facts.metrics)
    has_samples = any(each.samples for each in facts.metrics)
    heads = ["task and metric", "value", *(["95 % interval"] if has_intervals else [])]
    rows = []
    for each in facts.metrics:
        arrow = {True: " ↑", False: " ↓", None: ""}[better.get((each.task, each.metric))]
        row = [f"{each.task} {each.metric}{arrow}", f"{each.value:.4g}"]
        if has_intervals:
            row.append("" if each.interval is None else "{:.4g} to {:.4g}".format(*each.interval))
        row.append("" if each.trivial is None else f"{each.trivial:.4g}")
        rows.append([*row, *([f"{each.samples or 0:,}"] if has_samples else [])])
    return [*heads, "trivial predictor", *([what] if has_samples else [])], rows


def _setup(trained: TrainedModel, facts: CardFacts) -> Iterator[Block]:
    settings = dict(trained.model.hparams)
    named = {each: _class(settings.get(each)) for each in ("encoder", "sharing", "balancer")}
    named |= {each: _class(settings.get(each)) for each in ("optimizer", "scheduler")}
    count = sum(each.numel() for each in trained.model.parameters())
    rows = [(each, name) for each, name in named.items() if name]
    rows += [("parameters", f"{count:,}"), *facts.setup.items()]
    yield Table(["", "setting"], [list(each) for each in rows])
    if not facts.setup:
        yield Paragraph("The folder of its run is not available, so the rest is not known.")


def _class(setting: Any) -> str:
    path = setting.get("class_path") if isinstance(setting, dict) else None
    return _short_name(path) if path else ""


def _short_name(path: Any) -> str:
    return str(path or NOT_GIVEN).rpartition(".")[2]
