"""A run at Weights & Biases, or recorded for it offline."""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger

from multitask.distributed import is_first_process
from multitask.errors import InputError
from multitask.runs.log_file import say, told_if_slow
from multitask.runs.settings import RunSettings
from multitask.runs.wandb_client import Mirror, check_client, nothing_lost, reason_of

Mode = Literal["online", "offline"]
STEP = "trainer/global_step"
ERRORS = 2
"""The file descriptor of standard error."""
SERVICE_LOG = "wandb/service.log"
"""File in a run's folder for the errors of W&B's own process."""
SAVED = ("summary.json", "metrics.csv")
"""Files of the run's folder that are stored at W&B, from which a sweep is reported."""

LAUNCH, LAUNCH_STEP = "wandb.sdk.launch.inputs", "_detect_and_apply_job_inputs"
"""The W&B package that provides inputs of jobs, and the startup step that queries it."""


def wandb_logger(settings: RunSettings, folder: Path, verb: str) -> WandbLogger | None:
    """Start or continue the W&B run of a run's folder; its id is the name of the folder.

    If the server cannot be reached, the run is recorded offline, and a message says so.

    Args:
        settings: the settings of the run.
        folder: the run's folder, in which W&B keeps its own files.
        verb: the subcommand, such as ``fit``; used as the job type if none is set.

    Returns:
        The logger, or None if W&B is off.

    Raises:
        InputError: if the run must be online and there is no API key.
    """
    mode = wandb_mode(settings)
    if mode is None:
        return None
    run = None
    # Only the first process communicates with W&B; in the others the logger does nothing.
    if is_first_process():
        run_id = _recorded_id(folder) or os.environ.get("WANDB_RUN_ID") or folder.name
        name = os.environ.get("WANDB_NAME") or folder.name
        run = _start(mode, settings, folder, _job_type(settings, verb), run_id, name)
        with nothing_lost():
            run.define_metric(STEP)
            run.define_metric("*", step_metric=STEP, step_sync=True)
    return Mirror(save_dir=folder, project=_project(settings), experiment=run)


def start_report(settings: RunSettings, folder: Path, run_id: str, name: str) -> Any:
    """Start or continue a W&B run that reports on other runs; its job type is ``report``.

    If the server cannot be reached, it is recorded offline, and a message says so.

    Args:
        settings: the settings of the run.
        folder: folder of the report, in which W&B keeps its own files.
        run_id: the run's id; an existing run with this id is continued.
        name: display name.

    Returns:
        The W&B run, or None if W&B is off.

    Raises:
        InputError: if it must be online and there is no API key.
    """
    mode = wandb_mode(settings)
    return None if mode is None else _start(mode, settings, folder, "report", run_id, name)


def wandb_mode(settings: RunSettings) -> Mode | None:
    """Whether a run is recorded online or offline; None if it is not recorded.

    ``auto`` respects the variable ``WANDB_MODE``.

    Raises:
        InputError: if W&B's client rejects a setting or a variable, or the run must be online and
            there is no API key.
    """
    wanted: str = settings.wandb
    if wanted == "auto":
        wanted = os.environ.get("WANDB_MODE", "").strip() or "auto"
    if wanted in ("off", "disabled"):
        return None
    check_client(settings)
    if wanted == "auto":
        wanted = "online" if _has_key() else "offline"
    if wanted in ("offline", "dryrun"):
        return "offline"
    if not _has_key():
        raise InputError(
            "the run should be online at W&B, but there is no API key; run `wandb login` once, or "
            "set --run.wandb=offline"
        )
    return "online"


def sync_command(folder: Path) -> str | None:
    """The command that sends what a run has recorded offline; None if there is nothing.

    Args:
        folder: the run's folder.
    """
    parts = sorted(str(path) for path in (folder / "wandb").glob("offline-run-*"))
    return f"wandb sync {shlex.join(parts)}" if parts else None


def wandb_runs(trainer: Trainer) -> list[Any]:
    """The W&B runs of a Trainer's loggers, on the first process only.

    Args:
        trainer: the Trainer.
    """
    if not trainer.is_global_zero:
        return []
    return [each.experiment for each in trainer.loggers if isinstance(each, WandbLogger)]


def mark_preempted() -> None:
    """Report to W&B, if this process has a run there, that it ends early and will be resumed."""
    if (run := _current_run()) is not None:
        with nothing_lost():
            run.mark_preempting()


def finish(folder: Path, code: int = 0) -> None:
    """End this process's W&B run, if any, once everything is sent or written.

    Args:
        folder: the run's folder, from which W&B gets the files named in `SAVED`.
        code: the program's exit code.
    """
    run = _current_run()
    if run is None:
        return
    seconds = float(os.environ.get("WANDB_FINISH_TIMEOUT", "inf"))
    place, began = Path(run.dir).parent, time.monotonic()
    with told_if_slow(f"sending the rest of the run to W&B, for at most {seconds:.0f} s"):
        with nothing_lost():
            for name in SAVED:
                if (folder / name).is_file():
                    run.save(folder / name, base_path=folder, policy="now")
        with nothing_lost():
            run.finish(exit_code=code)
    # W&B does not report it, but gives up after that many seconds.
    if time.monotonic() - began >= seconds:
        command = shlex.join(["wandb", "sync", "--include-online", str(place)])
        say(f"W&B no longer responds; send the rest of the run once it does: {command}")


def _start(
    mode: Mode, settings: RunSettings, folder: Path, job_type: str, run_id: str, name: str
) -> Any:
    import wandb

    arguments: dict[str, Any] = {
        "dir": folder,
        "id": run_id,
        "name": name,
        "project": _project(settings),
        "group": settings.group or os.environ.get("WANDB_RUN_GROUP") or settings.experiment,
        "job_type": job_type,
        "tags": settings.tags or None,
        "notes": settings.notes,
        "resume": "allow",
        "reinit": "finish_previous",
    }
    try:
        with _without_launch(), told_if_slow("W&B has not answered yet; waiting for it"):
            _start_service(folder)
            return wandb.init(mode=mode, **arguments)
    except Exception as error:
        if mode == "offline":
            what = f"W&B cannot record the run ({reason_of(error)})"
            raise InputError(f"{what}; set --run.wandb=off to do without it") from error
        say(f"W&B cannot be reached, so the run is recorded offline ({reason_of(error)})")
        # W&B's own process still holds the run that could not be started.
        with suppress(Exception, SystemExit):
            wandb.teardown()
        return _start("offline", settings, folder, job_type, run_id, name)


def _start_service(folder: Path) -> None:
    """Start W&B's own process, with its errors written to a file instead of the screen.

    If it fails, for example on an unexpected answer of a server, it prints a traceback of its own
    code with hundreds of lines.
    """
    import wandb

    with suppress(OSError):
        (folder / SERVICE_LOG).parent.mkdir(parents=True, exist_ok=True)
        with (folder / SERVICE_LOG).open("ab") as file, _standard_error(file.fileno()):
            wandb.setup()


@contextmanager
def _standard_error(place: int) -> Iterator[None]:
    """Redirect the standard error of processes started in the meantime to an open file."""
    kept = os.dup(ERRORS)
    try:
        os.dup2(place, ERRORS)
        yield
    finally:
        os.dup2(kept, ERRORS)
        os.close(kept)


@contextmanager
def _without_launch() -> Iterator[None]:
    """Save more than a second of CPU time in which ``wandb.init`` imports W&B Launch.

    It queries that package for inputs that a script has staged there, which is impossible for a
    script that has not imported it. Other versions of W&B may lack this step; then nothing is
    changed.
    """
    from wandb.sdk.wandb_run import Run

    if LAUNCH in sys.modules or not hasattr(Run, LAUNCH_STEP):
        yield
        return
    usual = getattr(Run, LAUNCH_STEP)
    setattr(Run, LAUNCH_STEP, lambda run: None)
    try:
        yield
    finally:
        setattr(Run, LAUNCH_STEP, usual)


def _job_type(settings: RunSettings, verb: str) -> str:
    # The test of a training's checkpoint has the training's settings, but is not a training.
    if verb != "fit":
        return verb
    return settings.job_type or os.environ.get("WANDB_JOB_TYPE") or verb


def _project(settings: RunSettings) -> str:
    return settings.project or os.environ.get("WANDB_PROJECT") or "multitask"


def _recorded_id(folder: Path) -> str | None:
    parts = sorted((folder / "wandb").glob("*run-*-*"))
    match = re.fullmatch(r"(?:offline-)?run-\d+_\d+-(.+)", parts[0].name) if parts else None
    return match[1] if match else None


def _current_run() -> Any:
    # Importing W&B takes half a second, which only runs recorded there should spend.
    wandb = sys.modules.get("wandb")
    return wandb.run if wandb else None


def _has_key() -> bool:
    import wandb

    try:
        return bool(wandb.login(prompt=False, verify=False))
    except Exception as error:
        raise InputError(
            "the key for W&B, in WANDB_API_KEY or in ~/.netrc, is not valid "
            f"({reason_of(error)}); correct it, or set --run.wandb=offline"
        ) from error
