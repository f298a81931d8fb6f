"""What docs/sharing.md says runs as it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.conftest import DIGITS, QUICK, ROOT
from lightning.pytorch import Callback

from multitask import sharing
from multitask.runs import run_callbacks
from multitask.sharing import Sharing

PAGE = (ROOT / "docs/sharing.md").read_text(encoding="utf-8")
DRY = ("--trainer.fast_dev_run=true", "--trainer.accelerator=cpu")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.S)


def test_the_table_has_every_scheme() -> None:
    offered = {getattr(sharing, name) for name in sharing.__all__ if name[0].isupper()}
    schemes = {
        each.__name__
        for each in offered
        if isinstance(each, type) and issubclass(each, Sharing) and each is not Sharing
    }
    named = set(re.findall(r"^\| `(\w+)`", PAGE, re.M))
    assert schemes == named & schemes


@pytest.fixture
def pages_files() -> None:
    """The files that the page has to be written, and the repository's configurations."""
    for file, text in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.S):
        Path(file).write_text(text)
    Path("configs").symlink_to(ROOT / "configs")


@pytest.mark.usefixtures("pages_files")
def test_the_settings_fit(multitask: Callable[..., None]) -> None:
    *others, with_rates = sorted(blocks("yaml"), key=lambda snippet: "rates:" in snippet)
    for snippet in others:
        Path("sharing.yaml").write_text(snippet)
        with pytest.raises(SystemExit) as stopped:
            multitask("fit", f"--config={DIGITS}", "--config=sharing.yaml", "--print_config")
        assert not stopped.value.code
    # The names of parts that have a rate are read once there is a model.
    Path("sharing.yaml").write_text(with_rates)
    multitask("fit", f"--config={DIGITS}", "--config=sharing.yaml", *DRY)


@pytest.mark.usefixtures("pages_files")
def test_the_commands_begin_to_train(multitask: Callable[..., None]) -> None:
    commands = [shlex.split(line) for line in "".join(blocks("bash")).splitlines()]
    for _, verb, *arguments in commands:
        if verb == "fit":
            multitask(verb, *arguments, *DRY)
        else:
            assert Path(arguments[0]).is_file()
    assert {verb for _, verb, *_ in commands} == {"fit", "study"}


def test_a_run_shows_what_was_learned(
    multitask: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # All other figures of a run take longer than the run.
    monkeypatch.setattr(run_callbacks, "Figures", lambda folder: Callback())
    once = ("--trainer.limit_train_batches=1", "--run.test_after_fit=false", "--run.figures=true")
    multitask("fit", f"--config={DIGITS}", "--model.sharing=multitask.sharing.MMoE", *QUICK, *once)
    (run,) = Path("runs/digits").iterdir()
    assert (run / "figures/sharing.png").stat().st_size > 5000
    assert "sharing/experts/glyph/expert 4" in (run / "metrics.csv").read_text()
    Path("best.ckpt").symlink_to(run / "checkpoints/best.ckpt")
    capsys.readouterr()
    (snippet,) = (each for each in blocks("python") if "load_from_checkpoint" in each)
    exec(compile(snippet, "docs/sharing.md", "exec"), {})
    assert capsys.readouterr().out.startswith("experts ['expert 1', 'expert 2'")
