"""Whether a run to be resumed has already finished."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_only

from multitask.checkpoints.named_checkpoint import LAST
from multitask.runs.folder import resume_of
from multitask.runs.log_file import say
from multitask.runs.summary import read_summary


def limits(trainer: Any) -> dict[str, Any]:
    """The limits on a training's length, as JSON values.

    Args:
        trainer: the Trainer's settings.
    """
    time = trainer.max_time
    return {
        "max_epochs": trainer.max_epochs,
        "max_steps": trainer.max_steps,
        "max_time": time if isinstance(time, dict | None) else str(time),
    }


def is_finished(folder: Path, given: Any) -> bool:
    """Whether a run has nothing left to do; if so, a message is printed.

    A run of an earlier version did not record its limits, and so never counts as finished.

    Args:
        folder: the run's folder.
        given: the settings, with ``trainer``, ``run`` and ``ckpt_path``.
    """
    last = folder / LAST
    is_other = Path(given.ckpt_path or last).resolve() != last.resolve()
    if is_other or given.trainer.fast_dev_run or (summary := read_summary(folder)) is None:
        return False
    epochs = summary.get("epochs")
    if not isinstance(epochs, int) or not isinstance(summary.get("limits"), dict):
        return False
    if _is_untested(folder, summary, given) or _asks_for_more(summary, limits(given.trainer)):
        return False
    rank_zero_only(say)(
        f"{folder} finished after {epochs} {'epoch' if epochs == 1 else 'epochs'}, so there is "
        f"nothing to do; train it further with: {resume_of(folder)} "
        f"--trainer.max_epochs={epochs + 1}"
    )
    return True


def _is_untested(folder: Path, summary: Mapping[str, Any], given: Any) -> bool:
    is_tested = any(name.startswith("test/") for name in summary.get("metrics", ()))
    can_be = (folder / "checkpoints" / "best.ckpt").exists()
    return given.run.test_after_fit and can_be and not is_tested


def _asks_for_more(summary: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    done, before, wanted = summary["epochs"], summary["limits"], now["max_epochs"]
    if wanted == done:
        return False
    then = before.get("max_epochs")
    # It ended early, for example because of a callback, and would end early again.
    is_less = isinstance(wanted, int) and isinstance(then, int) and done < wanted <= then
    others = [name for name in now if name != "max_epochs" or not is_less]
    return any(before.get(name) != now[name] for name in others)
