"""Fewer histogram bins for resamples, with exactly the same areas under the curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from torchmetrics import Metric

from multitask.tasks.auroc import HistogramAUROC
from multitask.tasks.label_metrics import LabelAUROC, LabelAveragePrecision

if TYPE_CHECKING:
    from multitask.after.evaluating.sample_states import State


OF_BINS = (HistogramAUROC, LabelAUROC, LabelAveragePrecision)


def merged(
    rows: csr_array, layout: Sequence[State], metrics: Mapping[str, Metric]
) -> tuple[csr_array, list[State]]:
    """Merge neighbouring bins that no positive separates.

    The area under a curve depends on the number of negatives below each bin that contains a
    positive, or from the other end above it. For each class, therefore, the bins with a positive of
    any sample are kept, and the bins between two of them are merged. All counts are integers, so
    that nothing is rounded. With many classes, few bins remain, and a resample costs a small
    fraction.

    Args:
        rows: see `multitask.after.evaluating.sample_states.SampleStates.rows`.
        layout: its states.
        metrics: metrics by name.

    Returns:
        The rows with fewer columns, and the layout of the states in them.
    """
    places = np.empty(rows.shape[1], dtype=np.int64)
    found: list[State] = []
    start = end = 0
    for state in layout:
        shape = state.shape
        if type(metrics[state.metric]) in OF_BINS:
            own, shape = _fewer(rows, state)
        else:
            own = np.arange(state.columns.stop - state.columns.start)
        places[state.columns] = start + own
        end = start + int(np.prod(shape))
        found.append(replace(state, shape=shape, columns=slice(start, end)))
        start = end
    # The sums of the loss come last.
    rest = rows.shape[1] - (layout[-1].columns.stop if layout else 0)
    places[rows.shape[1] - rest :] = end + np.arange(rest)
    size = rows.shape[0], end + rest
    return csr_array((rows.data, places[rows.indices], rows.indptr), shape=size), found


def _fewer(rows: csr_array, state: State) -> tuple[np.ndarray, tuple[int, ...]]:
    """The new index of each cell in the flat state, and the state's new shape."""
    classes = state.shape[1]
    occurs = np.zeros(rows.shape[1], dtype=bool)
    occurs[rows.indices] = True
    positive = occurs[state.columns].reshape(state.shape)[1]
    # A new bin begins at each bin with a positive, and after it.
    begins = positive.copy()
    begins[:, 1:] |= positive[:, :-1]
    begins[:, 0] = False
    bin_of = begins.cumsum(1)
    width = int(bin_of.max()) + 1
    cells = np.arange(2 * classes).reshape(2, classes, 1) * width + bin_of
    return cells.reshape(-1), (2, classes, width)
