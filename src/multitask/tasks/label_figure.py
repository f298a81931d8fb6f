"""A bar chart of how well each of several labels is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from multitask.tasks.confusion_figure import brief
from multitask.tasks.label_metrics import LabelAveragePrecision, LabelF1, LabelMetric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LABELS = 30
"""Number of labels that are drawn; of more, those with the lowest average precision."""
THICKNESS, LINE = 0.38, 0.22
"""Thickness of a bar, in steps from label to label; height of such a step in inches."""
NAMES: dict[str, Any] = {"fontsize": 7, "parse_math": False}


def draw_labels(axes: Axes, prediction: Tensor, target: Tensor, labels: Sequence[str]) -> None:
    """Draw each label's average precision and F1 score, and its share of positive samples.

    Args:
        axes: where to draw; if they are alone in their figure, it is resized as needed.
        prediction: probabilities, shape ``[samples, labels]``.
        target: labels, same shape, int64, -100 if missing.
        labels: names of the labels. A label without a positive or a negative sample has no bars.
    """
    size = len(labels)
    precision, f1 = LabelAveragePrecision(size), LabelF1(size)
    metrics: tuple[LabelMetric, ...] = (precision, f1)
    for metric in metrics:
        metric.update(prediction.float().cpu(), target.cpu())
    has_both = f1.both()
    values = {
        "average precision": precision.each().where(has_both, 0).numpy(),
        "F1 at 0.5": f1.each().nan_to_num(0).where(has_both, 0).numpy(),
    }
    negative, positive = f1.counts.sum(2)
    shares = (positive / (positive + negative).clamp_min(1)).numpy()
    # Those without bars last.
    worst = np.lexsort((values["average precision"], ~has_both.numpy()))
    shown = np.sort(worst[:MOST_LABELS])
    at = np.arange(len(shown))
    for place, (name, each) in enumerate(values.items()):
        axes.barh(at + (place - 0.5) * THICKNESS, each[shown], THICKNESS, label=name)
    ends = at - THICKNESS, at + THICKNESS
    axes.vlines(shares[shown], *ends, color="black", lw=1.2, label="share of positive samples")
    names = brief(labels)
    axes.set_yticks(at, [names[place] for place in shown], **NAMES)
    axes.invert_yaxis()
    rest = "" if len(shown) == size else f"the {len(shown)} worst of {size} labels"
    axes.set(xlim=(0, 1), xlabel=rest)
    axes.legend(fontsize=6, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
    figure = axes.get_figure()
    if figure is not None and len(figure.axes) == 1 and hasattr(figure, "set_figheight"):
        figure.set_figheight(max(2.4, 1.4 + LINE * len(shown)))
