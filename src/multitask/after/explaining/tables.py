"""The numbers of an explanation, as tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from multitask.after.explaining.explanation import Explanation
from multitask.pages.spreadsheet import write_csv
from multitask.tokenizers import is_text


def write_tables(found: Explanation, folder: Path) -> None:
    """Write the tables of an explanation.

    For images, this is ``attributions.csv``; for other inputs, ``tokens.csv``, ``columns.csv`` and
    ``inputs.csv``. Available results are also written to ``overlaps.csv``,
    ``gradient_cosines.csv``,
    ``layers.csv`` and ``neighbours.csv``.

    Args:
        found: an explanation.
        folder: existing folder that the files are written to.
    """
    explained = [
        (image, task, each.classes[at] or each.what, float(change), float(each.missed[at]))
        for task, each in found.attributions.items()
        for at, (image, change) in enumerate(zip(found.names, each.changes, strict=True))
    ]
    columns = ["image", "task", "explained", "change_from_black", "missed_by_gradients"]
    if explained:
        write_csv(pd.DataFrame(explained, columns=columns), folder / "attributions.csv")
    for name, frame in _parts(found).items():
        write_csv(frame, folder / name)
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
        noun = "sample" if found.seen else "image"
        frame = pd.DataFrame(near, columns=[noun, f"training_{noun}", "cosine"])
        write_csv(frame, folder / "neighbours.csv")


def _parts(found: Explanation) -> dict[str, pd.DataFrame]:
    """The effect of each part, by the file for parts of its kind."""
    rows: dict[str, list[tuple[object, ...]]] = {}
    for task, each in found.effects.items():
        for part, effect in zip(found.parts, each.effects.tolist(), strict=True):
            explained = each.classes[part.sample] or each.what
            about = (found.names[part.sample], task, explained, part.input)
            if not part.places:
                rows.setdefault("inputs.csv", []).append((*about, effect))
            elif is_text(found.seen[list(found.trained.model.inputs).index(part.input)]):
                place = (part.places[0], len(part.places))
                rows.setdefault("tokens.csv", []).append((*about, *place, part.text, effect))
            else:
                column = found.trained.written[part.input].columns[part.places[0]]
                cell = part.text.removeprefix(f"{column} ")
                rows.setdefault("columns.csv", []).append((*about, column, cell, effect))
    heads = {
        "inputs.csv": [],
        "tokens.csv": ["place", "tokens", "text"],
        "columns.csv": ["column", "cell"],
    }
    return {
        name: pd.DataFrame(
            each, columns=["sample", "task", "explained", "input", *heads[name], "effect"]
        )
        for name, each in rows.items()
    }
