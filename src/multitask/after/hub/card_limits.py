"""Limitations of a model."""

from __future__ import annotations

from collections.abc import Iterator

from multitask.after.hub.card_facts import CardFacts
from multitask.after.hub.card_inputs import is_of_images, unseen
from multitask.after.hub.card_metrics import Measured
from multitask.after.trained_model import TrainedModel


def limits(trained: TrainedModel, facts: CardFacts) -> Iterator[str]:
    """Describe what a model cannot do, or is not known to do, in sentences.

    Args:
        trained: the model.
        facts: facts besides the model itself.
    """
    what = "images" if is_of_images(trained) else "samples"
    yield (
        f"It is suited only to {what} like those that it was trained on; for others it predicts "
        "too, without a warning."
    )
    yield "A probability is the model's own estimate; its reliability is a separate question."
    yield from unseen(trained)
    yield "Whether it is equally good for all groups of people or things was not examined."
    better = directions(trained)
    for each in facts.metrics:
        task = trained.model.named_tasks.get(each.task)
        higher = better.get((each.task, each.metric))
        if task is not None and each.metric == task.headline and _is_trivial(each, higher):
            yield f"{each.task}: its {each.metric} is not better than the trivial predictor's."
    if not facts.metrics:
        yield "How good it is was not measured."


def directions(trained: TrainedModel) -> dict[tuple[str, str], bool | None]:
    """Whether higher is better, by task and metric; None if neither direction is."""
    found = dict(trained.model.evaluations.directions())
    keys = (name.split("/", 2) for name in found)
    return {(task, metric): found[f"{split}/{task}/{metric}"] for split, task, metric in keys}


def _is_trivial(found: Measured, is_higher_better: bool | None) -> bool:
    if found.trivial is None or is_higher_better is None:
        return False
    better = found.value - found.trivial
    return better <= 0 if is_higher_better else better >= 0
