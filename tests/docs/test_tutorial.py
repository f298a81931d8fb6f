"""What docs/tutorial.md builds trains, and the study has as many trainings as it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.snippets import snippets

from multitask.cli.main import main
from multitask.cli.study_command import read_study
from multitask.study.plan import planned

SNIPPETS = [each for each in snippets() if each.page == "docs/tutorial.md"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the tutorial writes."""
    monkeypatch.chdir(tmp_path)
    for each in SNIPPETS:
        if each.file is not None:
            (tmp_path / each.file).write_text(each.text)
    return tmp_path


def test_the_study_has_as_many_trainings_as_it_says(here: Path) -> None:
    page = " ".join((Path(__file__).parents[2] / "docs/tutorial.md").read_text().split())
    assert f"The {len(list(planned(read_study(Path('my_study.yaml')))))} trainings" in page


@pytest.mark.slow
def test_its_experiment_trains_and_its_python_reads_the_run(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = [f"--trainer.limit_{each}_batches=1" for each in ("train", "val", "test")]
    quick = ["--trainer.max_epochs=1", "--trainer.enable_progress_bar=false", "--run.figures=false"]
    named = ["--config=my_digits.yaml", "--run.experiment=digits", "--run.wandb=off"]
    main(["fit", *named, *quick, *limits])
    capsys.readouterr()
    (python,) = (each.text for each in SNIPPETS if each.kind == "python")
    exec(compile(python, "docs/tutorial.md", "exec"), {})
    assert "val/digit/accuracy" in capsys.readouterr().out
