"""When a run goes to Weights & Biases, and as what."""

from __future__ import annotations

import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
import wandb
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from wandb.sdk.wandb_run import Run

from multitask import InputError
from multitask.runs import wandb_client
from multitask.runs.settings import RunSettings
from multitask.runs.wandb_run import (
    LAUNCH,
    LAUNCH_STEP,
    finish,
    sync_command,
    wandb_logger,
    wandb_mode,
    wandb_runs,
)

KEY = "0" * 40
LOGIN = wandb.login


@pytest.fixture(autouse=True)
def _stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone who has never logged in."""
    monkeypatch.delenv("WANDB_MODE", raising=False)
    log_in(monkeypatch, False)


def log_in(monkeypatch: pytest.MonkeyPatch, has_key: bool = True) -> None:
    def login(*, prompt: bool, verify: bool) -> bool:
        # Neither a question nor a server that does not answer may stop a run.
        assert not prompt
        assert not verify
        return has_key

    monkeypatch.setattr(wandb, "login", login)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What W&B was asked to start; nothing is started."""
    calls: list[dict[str, Any]] = []

    class Run:
        entity = "someone"

        def define_metric(self, *names: str, **options: Any) -> None:
            pass

    def init(**arguments: Any) -> Run:
        calls.append(arguments)
        return Run()

    monkeypatch.setattr(wandb, "init", init)
    return calls


def test_stranger_is_offline() -> None:
    assert wandb_mode(RunSettings()) == "offline"


def test_known_person_is_online(monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(monkeypatch)
    assert wandb_mode(RunSettings()) == "online"
    assert wandb_mode(RunSettings(wandb="offline")) == "offline"
    assert wandb_mode(RunSettings(wandb="off")) is None


def test_wandb_itself_knows_who_has_logged_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wandb, "login", LOGIN)
    for name in [name for name in os.environ if name.startswith(("WANDB_", "NETRC"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    assert wandb_mode(RunSettings()) == "offline"
    (tmp_path / ".netrc").write_text(f"machine api.wandb.ai login user password {KEY}\n")
    assert wandb_mode(RunSettings()) == "online"


@pytest.mark.parametrize(
    ("value", "mode"),
    [("offline", "offline"), ("dryrun", "offline"), ("disabled", None), ("online", "online")],
)
def test_auto_respects_the_variable(
    value: str, mode: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(monkeypatch)
    monkeypatch.setenv("WANDB_MODE", value)
    assert wandb_mode(RunSettings()) == mode


def test_setting_counts_more_than_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode(RunSettings(wandb="offline")) == "offline"


def test_online_without_a_key_is_refused_without_a_question() -> None:
    with pytest.raises(InputError, match="no API key; run `wandb login`"):
        wandb_mode(RunSettings(wandb="online"))


def test_off_starts_nothing(tmp_path: Path, started: list[dict[str, Any]]) -> None:
    assert wandb_logger(RunSettings(wandb="off"), tmp_path, "fit") is None
    assert not started


def test_run_is_named_after_its_folder_and_experiment(
    tmp_path: Path, started: list[dict[str, Any]]
) -> None:
    folder = tmp_path / "20300101-000000-0000000"
    settings = RunSettings(experiment="digits", tags=["a"], notes="b")
    logger = wandb_logger(settings, folder, "fit")
    assert logger is not None
    (call,) = started
    assert (call["id"], call["name"], call["dir"]) == (folder.name, folder.name, folder)
    assert (call["project"], call["group"], call["job_type"]) == ("multitask", "digits", "fit")
    assert (call["tags"], call["notes"], call["mode"]) == (["a"], "b", "offline")


def test_variables_of_wandb_count_less_than_settings(
    tmp_path: Path, started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    monkeypatch.setenv("WANDB_RUN_GROUP", "a group")
    monkeypatch.setenv("WANDB_RUN_ID", "given")
    wandb_logger(RunSettings(experiment="digits"), tmp_path, "fit")
    wandb_logger(RunSettings(project="ours", group="mine"), tmp_path, "fit")
    assert [(each["project"], each["group"]) for each in started] == [
        ("theirs", "a group"),
        ("ours", "mine"),
    ]
    assert started[0]["id"] == "given"


def test_job_type_of_a_training_can_be_set(
    tmp_path: Path, started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_JOB_TYPE", "theirs")
    wandb_logger(RunSettings(), tmp_path, "fit")
    wandb_logger(RunSettings(job_type="baseline"), tmp_path, "fit")
    wandb_logger(RunSettings(job_type="baseline"), tmp_path, "test")
    assert [each["job_type"] for each in started] == ["theirs", "baseline", "test"]


@pytest.mark.parametrize("kind", ["run", "offline-run"])
def test_run_that_goes_on_keeps_its_id(
    kind: str, tmp_path: Path, started: list[dict[str, Any]]
) -> None:
    (tmp_path / "wandb" / f"{kind}-20300101_000000-the-id").mkdir(parents=True)
    (tmp_path / "wandb" / "latest-run").mkdir()
    wandb_logger(RunSettings(), tmp_path, "fit")
    assert started[0]["id"] == "the-id"


def test_server_that_cannot_be_reached_makes_it_offline(
    tmp_path: Path,
    started: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    begin = wandb.init

    def init(**arguments: Any) -> Any:
        if arguments["mode"] == "online":
            raise wandb.errors.CommError("timed out\nand more")
        return begin(**arguments)

    monkeypatch.setattr(wandb, "init", init)
    monkeypatch.setattr(wandb, "teardown", lambda: None)
    log_in(monkeypatch)
    assert wandb_logger(RunSettings(), tmp_path, "fit") is not None
    assert [each["mode"] for each in started] == ["offline"]
    said = capsys.readouterr().out
    assert said == "W&B cannot be reached, so the run is recorded offline (timed out)\n"


def test_only_the_first_process_starts_a_run(
    tmp_path: Path, started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    assert wandb_logger(RunSettings(), tmp_path, "fit") is not None
    assert not started


def test_command_sends_every_part_that_was_recorded_offline(tmp_path: Path) -> None:
    folder = tmp_path / "a run"
    assert sync_command(folder) is None
    for part in ("offline-run-2-x", "run-3-x", "offline-run-1-x"):
        (folder / "wandb" / part).mkdir(parents=True)
    first, second = (f"'{folder}/wandb/offline-run-{part}-x'" for part in (1, 2))
    assert sync_command(folder) == f"wandb sync {first} {second}"


@pytest.mark.parametrize("is_used", [False, True])
def test_launch_is_asked_for_inputs_only_if_the_program_uses_it(
    is_used: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    usual = getattr(Run, LAUNCH_STEP)
    monkeypatch.delitem(sys.modules, LAUNCH, raising=False)
    if is_used:
        monkeypatch.setitem(sys.modules, LAUNCH, SimpleNamespace())

    def init(**_: Any) -> Any:
        asked.append(getattr(Run, LAUNCH_STEP) is usual)
        return SimpleNamespace(define_metric=lambda *names, **options: None)

    monkeypatch.setattr(wandb, "init", init)
    wandb_logger(RunSettings(), tmp_path, "fit")
    assert asked == [is_used]
    assert getattr(Run, LAUNCH_STEP) is usual


@pytest.mark.parametrize("is_first", [True, False])
def test_only_the_first_process_has_runs(is_first: bool) -> None:
    class Logger(WandbLogger):
        def __init__(self) -> None:
            pass

        @property
        def experiment(self) -> Any:
            return "a run"

    trainer: Any = SimpleNamespace(is_global_zero=is_first, loggers=[object(), Logger()])
    assert wandb_runs(trainer) == (["a run"] if is_first else [])


@pytest.mark.parametrize(
    ("settings", "right"),
    [
        ({"project": "a/b"}, "project is a/b; W&B does not accept it"),
        ({"project": "x" * 129}, "exceeded 128 characters"),
        ({"tags": ["x" * 100]}, "run.tags: W&B does not accept it"),
        ({"tags": [""]}, "is empty"),
    ],
)
def test_settings_that_the_client_refuses_are_named(settings: Any, right: str) -> None:
    with pytest.raises(InputError, match=re.escape(right)):
        wandb_mode(RunSettings(wandb="offline", **settings))
    assert wandb_mode(RunSettings(wandb="off", **settings)) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WANDB_MODE", "banana"),
        ("WANDB_BASE_URL", "nonsense"),
        ("WANDB_RUN_ID", "a/b"),
        ("WANDB_RUN_ID", "x" * 200),
        ("WANDB_TAGS", "x" * 100),
        ("WANDB_PROJECT", "a?b"),
        ("WANDB_SILENT", "banana"),
        ("WANDB_INIT_TIMEOUT", "abc"),
        ("WANDB_FINISH_TIMEOUT", "abc"),
        ("WANDB_RESUME", "banana"),
        ("WANDB_SWEEP_ID", " x"),
        ("WANDB_HTTP_PROXY", "::"),
        ("WANDB_IDENTITY_TOKEN_FILE", "/nowhere"),
        ("WANDB_API_KEY", " secret "),
        ("WANDB_INIT_TIMEOUT", "nan"),
        ("WANDB_INIT_TIMEOUT", "-1"),
        ("WANDB_FINISH_TIMEOUT", "nan"),
        ("WANDB_FINISH_TIMEOUT", "-1"),
        ("WANDB_SWEEP_PARAM_PATH", "/nowhere.yaml"),
    ],
)
def test_variables_that_the_client_refuses_are_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"the variable {name}") as refused:
        wandb_mode(RunSettings())
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_MODE", "WANDB_BASE_URL", "WANDB_RUN_ID", "WANDB_SWEEP_ID"):
        monkeypatch.setenv(name, " ")
    assert wandb_mode(RunSettings()) == "offline"


def test_a_key_that_cannot_be_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def login(**_: Any) -> bool:
        raise wandb.errors.AuthenticationError("API key must have 40+ characters, has 3.")

    monkeypatch.setattr(wandb, "login", login)
    with pytest.raises(InputError, match="WANDB_API_KEY .* has 3"):
        wandb_mode(RunSettings())


class Answer(BaseHTTPRequestHandler):
    """The same to all that is asked."""

    content = b""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.mark.parametrize("content", [b"<html></html>", b"[1, 2]"])
def test_a_server_that_answers_oddly_makes_the_run_an_offline_one(
    content: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Answer, "content", content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}",
        "WANDB_API_KEY": KEY,
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
        "WANDB_INIT_TIMEOUT": "10",
        "WANDB_FINISH_TIMEOUT": "1",
    }.items():
        monkeypatch.setenv(name, value)
    log_in(monkeypatch)
    folder = tmp_path / "20260101-000000-abcdef0"
    folder.mkdir()
    logger = wandb_logger(RunSettings(), folder, "fit")
    assert logger is not None
    assert logger.experiment.offline
    finish(folder)
    server.shutdown()
    assert "recorded offline" in capsys.readouterr().out
    assert sync_command(folder) is not None


def test_nothing_that_the_client_does_ends_the_run(
    started: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(wandb_client, "_told", set())
    logger = wandb_logger(RunSettings(), tmp_path, "fit")
    assert logger is not None
    for _ in range(2):
        # The run that stands for W&B's has none of what these ask for.
        logger.log_metrics({"loss": 1.0}, 0)
        logger.log_hyperparams({"lr": 1.0})
        logger.log_image("figure", ["nowhere.png"])
        logger.log_table("table", ["a"], [[1], [1, 2]])
    assert capsys.readouterr().out.count("W&B did not record all of the run") == 1


def test_what_the_client_cannot_record_offline_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_SERVICE", "banana")
    with pytest.raises(InputError, match="W&B cannot record the run .*set --run.wandb=off"):
        wandb_logger(RunSettings(), tmp_path, "fit")
