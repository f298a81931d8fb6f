"""Earlier results that lie beside runs and match patterns such as ``runs/digits/*``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from multitask.checkpoints.named_checkpoint import ENSEMBLE
from multitask.configuration.settings import read_config
from multitask.runs.folder import SOUP

LEAST = 2


def without_earlier_results(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Skip earlier ensembles, and averages of runs that are given as well.

    If fewer than two runs would remain, nothing is skipped, because the results were then given on
    purpose.

    Args:
        given: folders of runs, or checkpoints, which are never skipped.

    Returns:
        The remaining paths, and a sentence for each one that is skipped.

    Raises:
        InputError: if the list of the runs behind an average cannot be read.
    """
    names = {Path(each).name for each in given}
    reasons = {each: _reason(Path(each), names) for each in given}
    kept = [each for each in given if reasons[each] is None]
    if len(kept) < LEAST:
        return list(given), []
    return kept, [f"Skipped: {each} {reason}" for each, reason in reasons.items() if reason]


def _reason(folder: Path, names: set[str]) -> str | None:
    if (folder / ENSEMBLE).is_file():
        return "is an ensemble"
    if not (folder / SOUP).is_file():
        return None
    listed = read_config(folder / SOUP).plain().get("runs")
    runs = listed if isinstance(listed, list) else []
    # By name, which is unique to a run, whatever the folder in which the command was started.
    if names.isdisjoint(Path(str(each)).name for each in runs):
        return None
    return "is the average of given runs; name its checkpoint to include it too"
