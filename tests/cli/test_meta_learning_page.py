"""What docs/meta_learning.md shows is what the experiments are made of, and its study is whole."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from multitask.cli.study_command import read_study
from multitask.data import DataModule, Episodes
from multitask.passes import FOMAML, Pass
from multitask.study.parsing import parsed
from multitask.study.plan import planned
from multitask.study.study_file import check_metrics

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/meta_learning.md").read_text(encoding="utf-8")
EXPERIMENT = ROOT / "configs/experiment/episodes.yaml"


def shown(key: str) -> Any:
    blocks = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    return next(block[key] for block in blocks if key in block)


def test_its_settings_are_those_of_the_experiment() -> None:
    written = yaml.safe_load(EXPERIMENT.read_text())
    pairs = (shown("data"), written["data"])
    made, shipped = (parsed(DataModule, each) for each in pairs)
    assert isinstance(made, Episodes)
    assert isinstance(shipped, Episodes)
    assert (made.ways, made.shots, made.queries) == (shipped.ways, shipped.shots, shipped.queries)
    told, used = (
        parsed(Pass, each["training_pass"]) for each in (shown("model"), written["model"])
    )
    assert isinstance(told, FOMAML)
    assert isinstance(used, FOMAML)
    assert (told.steps, told.learning_rate) == (used.steps, used.learning_rate)


def test_its_commands_name_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL))
    files = [each for line in blocks.splitlines() for each in shlex.split(line) if "/" in each]
    # The experiments are trained by test_traps.
    assert [Path(each).exists() for each in files] == [True] * 4
    study = read_study(ROOT / "configs/study/meta.yaml")
    runs = list(planned(study))
    check_metrics(study, runs)
    assert len(runs) == 8 * 5
