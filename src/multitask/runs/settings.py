"""Settings of a run as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from multitask.configuration.home_folders import home_expanded
from multitask.errors import InputError

WandbMode = Literal["auto", "online", "offline", "off"]


@dataclass
class RunSettings:
    """Where to keep a run, and what to record at Weights & Biases.

    Args:
        experiment: name of the folder of runs; default: that of the configuration file.
        root: folder of all experiments.
        weights: checkpoint, or folder of a run, whose weights a new training starts from. The heads
            of matching tasks are loaded as well; the balancer, optimizer and schedule start from
            scratch.
        test_after_fit: whether to test the best checkpoint after training.
        figures: whether to draw figures.
        monitor: the validation metric that selects ``best.ckpt``, such as
            ``val/robust/inf-0.02/score``.
        keep_last: number of most recent checkpoints to keep, in addition to the best.
        wandb: whether to record the run at Weights & Biases ``online``, ``offline`` (to be sent
            later) or not at all (``off``); ``auto`` means online if an API key is available, and
            otherwise offline.
        artifacts: whether to send the best and the last checkpoint to W&B after training.
        project: W&B project; default: that of ``WANDB_PROJECT``, or ``multitask``.
        group: W&B group; default: that of ``WANDB_RUN_GROUP``, or the experiment.
        job_type: W&B job type of a training; default: that of ``WANDB_JOB_TYPE``, or ``fit``.
        tags: W&B tags.
        notes: W&B notes.
    """

    experiment: str | None = None
    root: str = "runs"
    weights: str | None = None
    test_after_fit: bool = True
    figures: bool = True
    monitor: str = "val/score"
    keep_last: int = 2
    wandb: WandbMode = "auto"
    artifacts: bool = False
    project: str | None = None
    group: str | None = None
    job_type: str | None = None
    tags: list[str] = field(default_factory=list)
    notes: str | None = None

    def __post_init__(self) -> None:
        """Ensure that every run is inside the root, where ``~`` is the home folder."""
        self.root = str(home_expanded(self.root))
        if self.keep_last < 1:
            raise InputError(f"run.keep_last is {self.keep_last}; give 1 or more")
        parts = Path(self.experiment or "").parts
        if ".." in parts or Path(self.experiment or "").is_absolute():
            raise InputError(
                f"run.experiment is '{self.experiment}'; it should name a folder inside run.root"
            )
