"""Summary sentences of an explanation."""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial, isnan

from multitask.after.explaining.explanation import OWN, Explanation
from multitask.after.explaining.layer_gradients import LayerCosine
from multitask.after.explaining.overlap import Overlap
from multitask.pages.shown import shortened
from multitask.pages.words import listed

SURE = 0.05
"""Significance level for an overlap above chance, divided by the number of pairs."""
ENOUGH = 0.1
"""If an overlap exceeds that of shuffled pairs by less than this, it is "a little more"."""
FEW = 30
"""With fewer images than this, the similarity of layers is a rough estimate."""
MOST_NAMED = 3
"""Number of parts that a sentence names."""
ROUGH = 0.1
"""Integrated gradients that miss a larger fraction of the change than this are unreliable."""


def in_words(found: Explanation) -> list[str]:
    """The answers of the page, and what was skipped.

    Args:
        found: an explanation.
    """
    return [
        *rough_maps(found),
        *([said_of_parts(found)] if found.effects else []),
        *([said_of_overlaps(found.overlaps)] if found.overlaps else []),
        *([said_of_cosines(found.cosines)] if found.cosines else []),
        *([said_of_layers(found)] if found.similarities else []),
        *found.left_out,
    ]


def rough_maps(found: Explanation) -> list[str]:
    """Name the tasks whose integrated gradients are unreliable.

    Args:
        found: an explanation.
    """
    return [
        f"Do not rely on the integrated gradients of {name}: they miss up to {each.incomplete:.0%} "
        f"of the change even with {each.steps} steps; see --slow for occlusion."
        for name, each in found.attributions.items()
        if not each.incomplete <= ROUGH
    ]


def said_of_overlaps(overlaps: Sequence[Overlap]) -> str:
    """Describe whether tasks attend to the same places.

    Args:
        overlaps: overlaps of pairs of tasks, at least one.
    """
    same, shuffled = mean([each.same for each in overlaps]), mean([o.shuffled for o in overlaps])
    if isnan(same):
        return "No image has a map of two tasks that is not 0 everywhere."
    numbers = f"overlap {same:.2f}, shuffled pairs {shuffled:.2f}"
    level, most = SURE / len(overlaps), max(each.images for each in overlaps)
    if isnan(shuffled):
        return f"The maps overlap by {same:.2f}; with one image there is no pair to compare with."
    if factorial(most) * level <= 1:
        return f"{most} images are too few to show if the tasks look at the same places: {numbers}."
    sure = [each for each in overlaps if each.chance <= level]
    if len(overlaps) > 1:
        what = f"{len(sure)} of {len(overlaps)} pairs of tasks look at the same places"
        return f"{what} more than by chance: mean {numbers}."
    (only,) = overlaps
    numbers += f" (p = {only.chance:.2g})"
    if not sure:
        return f"The tasks do not clearly look at the same places: {numbers}."
    much = "more" if same - shuffled >= ENOUGH else "a little more"
    return f"The tasks look at the same places, {much} than by chance: {numbers}."


def said_of_cosines(cosines: Sequence[LayerCosine]) -> str:
    """Describe where gradients agree.

    Args:
        cosines: cosines by layer, at least one.
    """
    first, last = cosines[0].layer, cosines[-1].layer
    ends = [mean([each.cosine for each in cosines if each.layer == at]) for at in (first, last)]
    apart = len({each.layer for each in cosines if each.high < 0})
    conflict = (
        f"in {apart} {'layer' if apart == 1 else 'layers'} some tasks pull apart"
        if apart
        else "in no layer do tasks clearly pull apart"
    )
    return (
        f"The mean cosine is {ends[0]:.2f} in the first layer ({first}) and {ends[1]:.2f} in the "
        f"last ({last}); {conflict}."
    )


def said_of_layers(found: Explanation) -> str:
    """Describe the similarity of the first and the last layers of networks.

    Args:
        found: an explanation with at least one similarity.
    """
    what = "samples" if found.seen else "images"
    rough = f", though {found.compared} {what} are few" if found.compared < FEW else ""
    others = []
    for name, (_, _, values) in found.similarities.items():
        if name != OWN:
            first, last = float(values[0, 0]), float(values[-1, -1])
            others.append(f"{first:.2f} of the first and {last:.2f} of the last with {name}")
    if others:
        return f"The layers' CKA is {'; '.join(others)}{rough}."
    rows, columns, values = found.similarities[OWN]
    return (
        f"The CKA of the model's first layer ({rows[0]}) and its last ({columns[-1]}) is "
        f"{float(values[0, -1]):.2f}{rough}; give --study=FOLDER or --against=OTHER.ckpt for other "
        "networks."
    )


def said_of_parts(found: Explanation) -> str:
    """Describe what contributes most for each task.

    Args:
        found: an explanation that includes the effects of parts.
    """
    said = []
    for name, each in found.effects.items():
        strongest: dict[str, float] = {}
        for part, effect in zip(found.parts, each.effects.tolist(), strict=True):
            # An input as a whole contributes more than its parts.
            if part.places and abs(effect) > abs(strongest.get(part.text, 0.0)):
                strongest[part.text] = effect
        first = sorted(strongest, key=lambda text: -abs(strongest[text]))[:MOST_NAMED]
        shown = [f"'{shortened(text, 40)}' ({strongest[text]:+.2g})" for text in first]
        said.append(f"for {name} {listed(shown) if shown else 'nothing'}")
    return f"The strongest effects are {'; '.join(said)}."


def mean(values: Sequence[float]) -> float:
    """The mean of the values that are not NaN; NaN if there are none."""
    known = [each for each in values if not isnan(each)]
    return sum(known) / len(known) if known else float("nan")
