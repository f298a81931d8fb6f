"""The numbers of an explanation, as tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from multitask.after.explaining.explanation import Explanation
from multitask.pages.spreadsheet import write_csv


def write_tables(found: Explanation, folder: Path) -> None:
    """Write ``attributions.csv`` and, of what was found out, ``overlaps.csv``,
    ``gradient_cosines.csv``, ``layers.csv`` and ``neighbours.csv``.

    Args:
        found: an explanation.
        folder: where the files go; it exists.
    """
    explained = [
        (image, task, each.classes[at] or each.what, float(change), float(each.missed[at]))
        for task, each in found.attributions.items()
        for at, (image, change) in enumerate(zip(found.names, each.changes, strict=True))
    ]
    columns = ["image", "task", "explained", "change_from_black", "missed_by_gradients"]
    write_csv(pd.DataFrame(explained, columns=columns), folder / "attributions.csv")
    if found.overlaps:
        write_csv(pd.DataFrame(map(asdict, found.overlaps)), folder / "overlaps.csv")
    if found.cosines:
        write_csv(pd.DataFrame(map(asdict, found.cosines)), folder / "gradient_cosines.csv")
    rows = [
        (name, row, column, float(values[at, to]))
        for name, (own, theirs, values) in found.similarities.items()
        for at, row in enumerate(own)
        for to, column in enumerate(theirs)
    ]
    if rows:
        names = ["network", "layer", "other_layer", "cka"]
        write_csv(pd.DataFrame(rows, columns=names), folder / "layers.csv")
    if found.neighbours is not None:
        near = [
            (name, found.training_names(int(place)), float(cosine))
            for name, places, cosines in zip(
                found.names, found.neighbours.places, found.neighbours.cosines, strict=True
            )
            for place, cosine in zip(places, cosines, strict=True)
        ]
        frame = pd.DataFrame(near, columns=["image", "training_image", "cosine"])
        write_csv(frame, folder / "neighbours.csv")
