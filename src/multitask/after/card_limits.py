"""What people should not expect of a model."""

from __future__ import annotations

from collections.abc import Iterator

from multitask.after.card_facts import CardFacts
from multitask.after.card_metrics import Measured
from multitask.after.trained_model import TrainedModel


def limits(trained: TrainedModel, facts: CardFacts) -> Iterator[str]:
    """Say in sentences what a model cannot do, or is not known to do.

    Args:
        trained: the model.
        facts: what is known beside it.
    """
    yield (
        "It knows only images like those that it was trained on; for others it predicts too, "
        "without saying so."
    )
    yield "A probability is the model's own; how far it can be relied on is a question of its own."
    form = trained.format
    yield f"What is smaller than a pixel at {form.height} x {form.width} is not seen."
    yield "It was not examined whether it serves all groups of people or things equally well."
    for each in facts.metrics:
        task = trained.model.named_tasks.get(each.task)
        if task is not None and each.metric == task.headline and _is_trivial(each):
            yield f"{each.task}: its {each.metric} is not better than the trivial predictor's."
    if not facts.metrics:
        yield "How good it is was not measured."


def _is_trivial(found: Measured) -> bool:
    if found.trivial is None or found.higher_is_better is None:
        return False
    better = found.value - found.trivial
    return better <= 0 if found.higher_is_better else better >= 0
