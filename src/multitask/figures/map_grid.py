"""Maps of some samples: image, target, prediction and error in one grid."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from multitask.data.faces import MISSING_COLOUR
from multitask.tasks.shown_maps import ShownMaps

MOST_SAMPLES = 6
COLUMNS = ("image", "target", "prediction", "error")
SIDE, GAP, TOP, BAR = 1.5, 0.06, 0.55, 0.5
"""Panel width, spacing, and room for the titles and for colour bars, in inches."""
NUMBERS, ERRORS = "viridis", "magma"
"""Colour maps."""
FEW_CLASSES, MOST_CLASSES = 10, 20
"""Sizes of the palettes with distinct colours and of the larger one; then colours repeat."""


def draw_maps(title: str, images: Sequence[Tensor | None], shown: ShownMaps) -> Figure:
    """Draw a row for each sample; missing pixels are pink.

    Numbers share one colour scale for all targets and predictions, that of the known targets.
    Errors have their own scale, which starts at 0.

    Args:
        title: title of the figure.
        images: display forms of the samples' images, shape ``[height, width]`` or ``[height, width,
            channels]`` with at least 3 channels, from 0 to 1; None for a sample without one.
        shown: the maps of at least as many samples, the first 6 of which are drawn.
    """
    count = min(len(images), MOST_SAMPLES)
    target, prediction, error = (
        each[:count].detach().float().cpu()
        for each in (shown.target, shown.prediction, shown.error)
    )
    scale, errors = _limits(target, prediction), Normalize(0.0, _greatest(error))
    columns: list[Sequence[Tensor | None]] = [
        images[:count],
        [_coloured(each, scale, shown.classes) for each in target],
        [_coloured(each, scale, shown.classes) for each in prediction],
        [_painted(each, errors, ERRORS) for each in error],
    ]
    height = SIDE * min(2.0, target.shape[-2] / target.shape[-1])
    size = (len(COLUMNS) * (SIDE + GAP), count * (height + GAP) + TOP + BAR)
    figure = Figure(figsize=size)
    figure.suptitle(title, fontsize=9, y=1 - 0.05 / size[1], va="top", parse_math=False)
    # One image in inches, as in `multitask.figures.drawing.draw_samples`.
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.set(xlim=(0, size[0]), ylim=(size[1], 0))
    for at, (name, panels) in enumerate(zip(COLUMNS, columns, strict=True)):
        left = at * (SIDE + GAP) + GAP / 2
        axes.text(left + SIDE / 2, TOP - 0.05, name, fontsize=8, ha="center", va="bottom")
        for row, panel in enumerate(panels):
            if panel is not None:
                top = TOP + row * (height + GAP)
                extent = (left, left + SIDE, top + height, top)
                axes.imshow(
                    panel.numpy(), extent=extent, aspect="auto", cmap="gray", vmin=0, vmax=1
                )
    if shown.classes is not None:
        _draw_legend(axes, torch.cat([target, prediction]), shown.classes)
    elif target.ndim == 3:
        _draw_bar(figure, 1, 2, scale, NUMBERS, shown.what)
    _draw_bar(figure, 3, 1, errors, ERRORS, shown.error_what)
    # Otherwise the last picture would determine the limits of the axes.
    axes.set(xlim=(0, size[0]), ylim=(size[1], 0))
    return figure


def _coloured(values: Tensor, scale: Normalize, classes: Sequence[str] | None) -> Tensor:
    """The colours of one map, shape ``[height, width, 3]``."""
    if values.ndim == 3:
        missing = torch.tensor(MISSING_COLOUR).view(3, 1, 1)
        colours = values.nan_to_num().clamp(0, 1)
        return torch.where(values.isfinite().all(0), colours, missing).permute(1, 2, 0)
    if classes is None:
        return _painted(values, scale, NUMBERS)
    numbers = values.nan_to_num().long() % MOST_CLASSES
    return _with_missing(torch.tensor(_palette(classes)(numbers.numpy())[..., :3]), values)


def _palette(classes: Sequence[str]) -> Colormap:
    """Colours of class indices: distinct ones if they suffice, otherwise light and dark ones."""
    return mpl.colormaps["tab10" if len(classes) <= FEW_CLASSES else "tab20"]


def _painted(values: Tensor, scale: Normalize, name: str) -> Tensor:
    scaled = scale(values.nan_to_num().numpy())
    return _with_missing(torch.tensor(mpl.colormaps[name](scaled)[..., :3]), values)


def _with_missing(colours: Tensor, values: Tensor) -> Tensor:
    missing = torch.tensor(MISSING_COLOUR, dtype=colours.dtype)
    return torch.where(values.isfinite().unsqueeze(2), colours, missing)


def _limits(target: Tensor, prediction: Tensor) -> Normalize:
    known = target[target.isfinite()]
    numbers = known if len(known) else prediction[prediction.isfinite()]
    if not len(numbers):
        return Normalize(0.0, 1.0)
    low, high = float(numbers.min()), float(numbers.max())
    return Normalize(low, high if high > low else low + 1.0)


def _greatest(error: Tensor) -> float:
    known = error[error.isfinite()]
    return (float(known.max()) if len(known) else 0.0) or 1.0


def _draw_bar(
    figure: Figure, column: int, span: int, scale: Normalize, name: str, what: str
) -> None:
    width, height = figure.get_size_inches()
    left, wide = column * (SIDE + GAP) + 0.12, span * (SIDE + GAP) - 0.3
    place = (left / width, 0.36 / height, wide / width, 0.07 / height)
    bar = figure.colorbar(
        ScalarMappable(scale, name), cax=figure.add_axes(place), orientation="horizontal"
    )
    bar.ax.tick_params(labelsize=6, pad=1, length=2)
    bar.set_label(what, fontsize=6, labelpad=1, parse_math=False)


def _draw_legend(axes: Axes, numbers: Tensor, classes: Sequence[str]) -> None:
    """Name the visible classes, as far as there is room, and the missing pixels."""
    seen = numbers[numbers.isfinite()].long().unique().tolist()[:MOST_CLASSES]
    colours = _palette(classes)
    patches = [Patch(color=colours(each % MOST_CLASSES), label=classes[each]) for each in seen]
    if not numbers.isfinite().all():
        patches.append(Patch(color=MISSING_COLOUR, label="missing"))
    legend = axes.legend(
        handles=patches,
        loc="lower left",
        bbox_to_anchor=(0, 0),
        ncols=min(6, max(len(patches), 1)),
        fontsize=5,
        frameon=False,
        handlelength=0.8,
        columnspacing=0.8,
        borderpad=0.1,
        labelspacing=0.2,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
