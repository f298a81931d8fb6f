"""The run that ``resume`` continues: the last one, or the one that is named."""

from __future__ import annotations

from pathlib import Path

from multitask.checkpoints.named_checkpoint import CONFIG, ENSEMBLE, LAST, SPARE
from multitask.errors import InputError
from multitask.runs.folder import SOUP, parts, resume_of


def resumable_run(run: str | None, root: Path) -> Path:
    """Find the run to resume.

    Args:
        run: its folder; default: the run that was started last.
        root: folder of all experiments, which is searched for the last run.

    Raises:
        InputError: if there is no such run.
    """
    if run is None:
        return _last_run(root)
    folder = Path(run)
    if not parts(folder, CONFIG):
        raise InputError(f"{run} has no {CONFIG}; give a run's folder, as in {root}/digits/...")
    if (folder / ENSEMBLE).is_file():
        raise InputError(
            f"{run} is an ensemble, which is not trained itself; continue one of its members"
        )
    if not (folder / LAST).is_file():
        raise InputError(
            f"{run} has no {LAST} to continue from; start again with: "
            f"multitask fit --config={folder / CONFIG}"
        )
    return folder


def _last_run(root: Path) -> Path:
    found = {path.parent for path in root.glob(f"**/{CONFIG}") if path.parent.name != SPARE}
    # The test of a run's checkpoint is inside the run's folder.
    made = [each for each in found if (each / SOUP).exists() or (each / ENSEMBLE).exists()]
    trained = found.difference(made)
    runs = sorted((each for each in trained if found.isdisjoint(each.parents)), key=_by_name)
    if not runs:
        raise InputError(f"there is no run in {root}")
    if not (runs[-1] / LAST).is_file():
        others = [each for each in runs if (each / LAST).is_file()]
        instead = f", or name another run, as in: {resume_of(others[-1])}" if others else ""
        raise InputError(
            f"{runs[-1]}, which was started last, has no {LAST} to continue from; start again "
            f"with: multitask fit --config={runs[-1] / CONFIG}{instead}"
        )
    return runs[-1]


def _by_name(folder: Path) -> str:
    # Names begin with the time.
    return folder.name
