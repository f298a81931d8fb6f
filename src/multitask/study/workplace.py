"""Where a study's runs are trained, how each is started, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multitask.checkpoints.atomic_writing import write_whole
from multitask.errors import InputError
from multitask.pages.yaml_text import in_one_line, to_yaml
from multitask.runs.folder import BEST
from multitask.runs.summary import SUMMARY, has_ended
from multitask.study.following import with_start
from multitask.study.plan import PlannedRun, Study

Program = Callable[[Sequence[str]], None]
OUTPUT, FAILED = "output.txt", "failed"
"""File with a run's output, and file that exists if the run itself failed."""


@dataclass(frozen=True)
class Workplace:
    """Where and how runs are trained.

    Args:
        folder: folder of the study.
        jobs: number of runs at a time.
        program: called with the arguments of a run; exits as a program does.
        preload: modules to import once for all runs.
    """

    folder: Path
    jobs: int
    program: Program
    preload: tuple[str, ...] = ()

    def run_folder(self, run: PlannedRun) -> Path:
        """The folder of all attempts at a run."""
        return self.folder / "runs" / run.place

    def finished(self, run: PlannedRun) -> Path | None:
        """The folder of the finished attempt at a run."""
        found = sorted(self.run_folder(run).glob(f"*/{SUMMARY}"))
        return next((path.parent for path in found if has_ended(path.parent)), None)

    def failure(self, run: PlannedRun) -> str | None:
        """The reason of a run's failure: the last line of its output; None if it did not fail."""
        folder = self.run_folder(run)
        if self.finished(run) or not (folder / FAILED).exists():
            return None
        if reason := (folder / FAILED).read_text(encoding="utf-8"):
            return reason
        text = (folder / OUTPUT).read_text(encoding="utf-8", errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else "it printed nothing"

    def obstacle(self, run: PlannedRun) -> str | None:
        """The reason why a run cannot start: the run that it starts from has left no checkpoint.

        Returns:
            Words that follow "because"; None for a run that has finished or can start.
        """
        before = run.after
        if before is None or self.finished(run):
            return None
        folder = self.finished(before)
        if folder is not None and (folder / BEST).exists():
            return None
        if folder is not None:
            return f"'{before.method}' has no best.ckpt with seed {run.seed}"
        if self.failure(before):
            return f"'{before.method}' failed with seed {run.seed}"
        return self.obstacle(before) or f"'{before.method}' has not finished with seed {run.seed}"

    def start(self, run: PlannedRun) -> str:
        """The checkpoint that a run starts from.

        Args:
            run: a run that starts from another.

        Returns:
            Its path; until it exists, the path that it will have, with ``RUN`` for the attempt's
            name.
        """
        assert run.after is not None
        return str((self.finished(run.after) or self.run_folder(run.after) / "RUN") / BEST)


def command(study: Study, run: PlannedRun, place: Workplace) -> list[str]:
    """The command that trains a run, also by hand; write the configuration file that it names.

    Raises:
        InputError: if the file cannot be written.
    """
    folder = place.run_folder(run)
    config = folder / "experiment.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A crash of the machine may have left it empty.
        if not config.exists() or not config.stat().st_size:
            write_whole(config, to_yaml(run.config))
    except OSError as error:
        raise InputError(
            f"{config} cannot be written ({error.strerror}); choose another place with --folder="
        ) from error
    own = run.settings if run.after is None else with_start(run.settings, place.start(run))
    settings = {
        **own,
        "seed_everything": run.seed,
        "run.root": str(place.folder / "runs"),
        "run.experiment": run.place,
        "run.group": f"{study.name} / {run.method}",
        "run.job_type": run.kind,
        # W&B rejects longer tags.
        "run.tags": [tag[:64] for tag in (study.name, run.method, run.part) if tag],
        "run.test_after_fit": run.tests,
        "run.figures": False,
        "run.wandb": study.wandb,
        "trainer.enable_progress_bar": False,
    }
    given = [f"--{name}={_written(value)}" for name, value in settings.items()]
    return ["fit", f"--config={config}", *given]


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    return in_one_line(value)
