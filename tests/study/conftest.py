"""Folders like those of finished runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

COST = {
    "seconds": 2.0,
    "steps": 4,
    "forward_passes": 4,
    "backward_passes": 4,
    "peak_memory": 2**20,
    "parameters": 10,
}


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports have no figures, which take most of their time."""
    monkeypatch.setattr("multitask.study.report.draw", lambda *_: {})


@pytest.fixture
def finished_run(tmp_path: Path) -> Callable[..., Path]:
    """Makes the folder of a run that was trained with some arguments.

    Its score is the best ``val/score``, None for a run that has not finished.
    """

    def make(
        arguments: str = "",
        score: float | None = 0.5,
        seed: int = 0,
        sweep: str | None = "one",
        tested: bool = True,
        tasks: tuple[str, ...] = ("digit",),
    ) -> Path:
        folder = tmp_path / "runs" / f"run-{len(list(tmp_path.glob('runs/*')))}"
        folder.mkdir(parents=True)
        config = {"seed_everything": seed, "model": {"tasks": {task: {} for task in tasks}}}
        origin = {
            "command": f"multitask fit --config=digits.yaml {arguments}",
            "sweep": sweep,
            "git": None,
            "python": "3.11",
            "platform": "Linux",
            "devices": ["CPU"],
            "packages": {},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        (folder / "provenance.yaml").write_text(yaml.safe_dump(origin))
        (folder / "metrics.csv").write_text("step,name,value\n1,val/score,0.5\n")
        if score is not None:
            names = [f"test/{task}/accuracy" for task in tasks]
            summary: dict[str, Any] = {
                "metrics": dict.fromkeys(names, score - 0.1) if tested else {},
                "best_score": score,
                "higher_is_better": dict.fromkeys(names, True),
                "headlines": dict.fromkeys(tasks, "accuracy"),
                "cost": COST,
            }
            (folder / "summary.json").write_text(json.dumps(summary))
        return folder

    return make
