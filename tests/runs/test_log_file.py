"""What is said goes to the screen and to the run's own log."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from multitask.images.progress_line import tell
from multitask.runs.log_file import LOG, keep_log, quiet_screen, say

LIGHTNING = logging.getLogger("lightning.pytorch")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    loggers = (LOG, LIGHTNING, logging.getLogger("lightning.fabric"))
    handlers = {each: list(each.handlers) for each in loggers}
    levels = {handler: handler.level for each in loggers for handler in each.handlers}
    yield
    for logger, before in handlers.items():
        logger.handlers[:] = before
    for handler, level in levels.items():
        handler.setLevel(level)


def test_said_once_on_the_screen_and_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_log(tmp_path)
    say("trained")
    assert capsys.readouterr().out == "trained\n"
    assert (tmp_path / "log.txt").read_text().count("trained") == 1


def test_each_run_has_its_own_log(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        keep_log(tmp_path / name)
        say(f"this is {name}")
    assert "second" not in (tmp_path / "first/log.txt").read_text()
    assert (tmp_path / "second/log.txt").read_text().count("this is") == 1


def test_log_of_a_run_that_goes_on_is_continued(tmp_path: Path) -> None:
    for part in ("before", "after"):
        keep_log(tmp_path)
        say(part)
    text = (tmp_path / "log.txt").read_text()
    assert text.index("before") < text.index("after")


def test_small_talk_of_lightning_is_in_the_log_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = logging.StreamHandler()
    LIGHTNING.addHandler(screen)
    quiet_screen()
    keep_log(tmp_path)
    LIGHTNING.info("small talk")
    LIGHTNING.warning("of weight")
    shown, text = capsys.readouterr().err, (tmp_path / "log.txt").read_text()
    assert "small talk" in text
    assert "of weight" in text
    assert "small talk" not in shown
    assert "of weight" in shown


def test_warnings_are_shown_and_logged_once(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        keep_log(tmp_path)
        keep_log(tmp_path)
        warnings.warn("take care", UserWarning, stacklevel=1)
    assert [str(each.message) for each in shown] == ["take care"]
    assert (tmp_path / "log.txt").read_text().count("UserWarning: take care") == 1


def test_names_in_what_is_said_do_not_control_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_log(tmp_path)
    say("Run: runs/\x1b[2J\nis \u202eover")
    tell("image cache: \x9b2J")
    said = capsys.readouterr()
    assert said.out == "Run: runs/\\x1b[2J\nis \\u202eover\n"
    assert said.err == "image cache: \\x9b2J\n"
    assert "\x1b" not in (tmp_path / "log.txt").read_text()
