"""``multitask study``: killed, divided among machines, or undisturbed, it reports the same."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from cli.conftest import Program
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from multitask.cli.study_command import check_study, read_study
from multitask.study.comparison import further_scores, scores
from multitask.study.plan import PlannedRun, Study, planned, variants
from multitask.study.report import write_report
from multitask.study.results import collect
from multitask.study.tuning import trials
from multitask.study.workplace import Workplace, command

ROOT = Path(__file__).parents[2]
STUDY: dict[str, Any] = {
    "experiment": str(ROOT / "configs/experiment/digits_all.yaml"),
    "seeds": [0],
    "settings": {
        "trainer.accelerator": "cpu",
        "trainer.max_epochs": 1,
        "trainer.limit_train_batches": 2,
        "trainer.limit_val_batches": 1,
        "trainer.limit_test_batches": 1,
    },
    "metrics": {"glyph": "mae"},
    "methods": {
        "digit+glyph": {"tasks": ["digit", "glyph"]},
        "again": {
            "tasks": ["digit", "glyph"],
            "settings": {"run.weights": "{after}"},
            "after": "digit+glyph",
        },
        "broken": {"settings": {"model.optimizer.init_args.lr": 1e30}},
    },
    "tuning": {"trials": 2},
}
FINISHED = 2 + 2 + 2 + 1
"""Runs of single tasks, of the methods that work, trials, and the tuned weights."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(STUDY))
    return path


def arguments(file: Path, folder: str) -> list[str]:
    # The runs are forked off a process that is in another folder.
    return ["study", str(file), f"--folder={Path(folder).absolute()}", "--jobs=2"]


def finished(folder: str) -> list[Path]:
    found = Path(folder).glob("small/runs/**/summary.json")
    return sorted(path for path in found if path.parent.name != "spare")


@pytest.mark.slow
def test_divided_and_killed_it_reports_the_same_and_repeats_nothing(
    file: Path,
    program: Program,
    multitask: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("multitask.study.report.draw", lambda *_: {})
    study = STUDY | {"experiment": str(ROOT / "configs/experiment/digits.yaml")}
    file.write_text(yaml.safe_dump(study))
    killed = program.start(*arguments(file, "killed"), "--shard=1/2")
    deadline = time.monotonic() + 120
    while len(finished("killed")) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)
    before = {path: path.stat().st_mtime_ns for path in finished("killed")}
    assert len(before) <= 3
    multitask(*arguments(file, "killed"))
    assert f"{len(before)} of 7 runs have already finished" in capsys.readouterr().out
    assert all(path.stat().st_mtime_ns == written for path, written in before.items())
    multitask(*arguments(file, "undisturbed"))
    assert len(finished("killed")) == len(finished("undisturbed")) == FINISHED

    for table in ("values", "scores", "differences"):
        one, other = (
            pd.read_csv(f"{folder}/small/{table}.csv") for folder in ("killed", "undisturbed")
        )
        pd.testing.assert_frame_equal(one, other, check_exact=True)
        assert len(one) > 1

    page = Path("killed/small/report.md").read_text()
    assert "| broken | 0 | failed | multitask: the loss of task" in page
    assert page.count("--seed_everything=0") == FINISHED + 1
    for path in finished("killed"):
        tested = any(name.startswith("test/") for name in json.loads(path.read_text())["metrics"])
        assert tested != ("trial" in str(path))


def test_the_toy_problem_is_a_study_like_any_other(
    multitask: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    offered = read_study(Path("configs/study/toy.yaml"))
    name = "=纳什 🙂 <script>![x](gone.png) $\\frac$"
    study = replace(
        offered,
        name="研究 <b>",
        seeds=[1],
        settings={"data.init_args.samples": 5},
        methods={name: offered.methods["Nash-MTL"]},
        comparisons=[],
    )
    place = Workplace(tmp_path / study.name, 1, lambda arguments: None)
    runs = list(planned(study))
    for each in runs:
        multitask(*command(study, each, place))
    folders = {each.place: place.finished(each) for each in runs}
    results = collect(study, runs, folders, dict.fromkeys(folders))
    # From (0, 0), where both losses are 0, a few steps straight down.
    found = scores(results).loc[name]
    assert found["second"] < found["first"] < -0.01
    further = further_scores(results).loc[name]
    assert further["first on_front"] == 0
    assert further["first front_distance"] == pytest.approx(8.33, abs=0.01)
    page = write_report(results, place.folder, {}).read_text()
    assert page.count("<script") == 1
    assert "=纳什 🙂 &lt;script&gt;![x](gone.png) $\\frac$" in page
    assert page.count("data:image/png") == len(list((place.folder / "figures").iterdir())) > 2
    table = (place.folder / "scores.csv").read_text(encoding="utf-8")
    assert "\n'=纳什" in table


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": [1]}, "small.yaml:[0-9]+: a study has no 'seed'; did you mean 'seeds'"),
        ({"seeds": "many"}, r"small.yaml:[0-9]+: seeds: it should be a list"),
        ({"methods": {"odd": {"tasks": ["digt"]}}}, "no task 'digt'; did you mean 'digit'"),
        ({"settings": {"trainer.max_epoch": 1}}, "max_epoch"),
        ({"methods": {"odd": {"after": "even"}}}, "small.yaml: methods: 'odd' is after 'even'"),
        ({"methods": {"odd": {"task": ["digit"]}}}, "a method has no 'task'; did you mean 'tasks'"),
        ({"metrics": {"glyph": "mea"}}, "task 'glyph' has no 'mea'; did you mean 'mae'"),
        ({"further_metrics": {"digit": ["f1", "acuracy"]}}, "further_metrics: task 'digit' has no"),
        ({"experiment": "nowhere.yaml"}, "nowhere.yaml cannot be read"),
        ({"name": "../../elsewhere"}, r"name is '../../elsewhere'; it is the name of a folder"),
        ({"name": "/tmp/elsewhere"}, "name is '/tmp/elsewhere'; it is the name of a folder"),
        ({"name": "a\\b"}, "must not lead elsewhere"),
        ({"name": ".."}, "name is '..'; give it letters"),
        ({"name": " "}, "name is ' '; give it letters"),
        ({"name": "a\0b"}, "remove line breaks and invisible characters"),
        ({"name": "猫" * 100}, "it has 300 bytes; give it at most 200"),
        ({"name": "-x"}, "begin it with a letter or digit"),
        ({"methods": None}, "methods: it is empty; name at least one method"),
        ({"methods": ["equal"]}, r"methods: it is \['equal'\]; give methods by name"),
        ({"methods": "equal"}, "methods: it is 'equal'; give methods by name"),
        ({"methods": {"odd": [1]}}, r"methods: it is \[1\]; give the tasks or settings of 'odd'"),
        ({"methods": {"odd": {"settings": ["a"]}}}, r"methods: it is \['a'\]; give settings by"),
        ({"methods": {"": None}}, "methods has an empty name"),
        (
            {"methods": {"Single-Task": None}},
            "'Single-Task' differs from 'single task' only in special",
        ),
        ({"methods": {"é": None, "E\u0301": None}}, "only in special characters"),
        ({"settings": [1]}, r"settings: it is \[1\]; give settings by their dotted names"),
        ({"vary": {"few": 3}}, "vary: it is 3; give settings by their dotted names"),
        (
            {"vary": {"few": None, "Few": None}},
            "vary: 'few' differs from 'Few' only in special characters",
        ),
        ({"seeds": [2**32]}, "seeds has 4294967296; give numbers from 0 to 4294967295"),
        ({"seeds": [-1]}, "seeds has -1; give numbers from 0"),
        ({"seeds": [True]}, "seeds"),
        ({"seeds": 5}, "seeds: it should be a list"),
        ({"tuning": {"trials": -1}}, "tuning: trials is -1; give a number from 0 to 10000"),
        ({"tuning": {"highest": float("inf")}}, "lowest must be positive and less than highest"),
    ],
)
def test_wrong_files_are_told_before_anything_is_trained(
    file: Path, fails: Callable[..., str], change: dict[str, Any], says: str
) -> None:
    file.write_text(yaml.safe_dump(STUDY | change))
    assert re.search(says, fails("study", str(file)))
    assert not list(Path("studies").glob("**/output.txt"))


def test_reports_are_sent_once_all_are_written(
    file: Path, multitask: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str, set[str]]] = []

    def send(study: Study, page: Path) -> None:
        found = {str(path) for path in Path("studies").glob("**/report.html")}
        sent.append((study.name, str(page), found))

    monkeypatch.setattr("multitask.cli.study_command.send_report", send)
    monkeypatch.setattr("multitask.study.carrying_out.train", lambda *_: None)
    vary = {"Few": {"trainer.max_epochs": 1}, "many": {"trainer.max_epochs": 2}}
    file.write_text(yaml.safe_dump(STUDY | {"vary": vary, "wandb": "offline"}))
    multitask("study", str(file))
    pages = {f"studies/small{part}/report.html" for part in ("", "/few", "/many")}
    assert sent == [
        (name, f"studies/{name}/report.html", pages)
        for name in ("small/few", "small/many", "small")
    ]


def test_without_a_key_an_online_study_is_refused(
    file: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wandb.login", lambda **_: False)
    file.write_text(yaml.safe_dump(STUDY | {"wandb": "online"}))
    assert "small.yaml: wandb: the run should be online at W&B, but there is no API key" in fails(
        "study", str(file)
    )
    assert not Path("studies").exists()


def documented() -> dict[str, str]:
    page = (ROOT / "docs/study.md").read_text()
    block, _, following, _ = re.findall(r"```yaml\n(.*?)```", page, re.S)
    study = yaml.safe_load(block)
    study["methods"] |= yaml.safe_load(following)["methods"]
    files = {
        path.stem: path.read_text() for path in sorted((ROOT / "configs/study").glob("*.yaml"))
    }
    return {**files, "documented": yaml.safe_dump(study)}


@pytest.mark.parametrize("name", documented())
def test_every_study_that_is_offered_could_start(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    path = tmp_path / f"{name}.yaml"
    path.write_text(documented()[name])
    for study in variants(read_study(path)).values():
        runs = [*planned(study), *trials(study)]
        assert len({run.place for run in runs}) == len(runs)
        check_study(study, runs, Workplace(tmp_path, 1, lambda arguments: None))


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("--jobs=0", "jobs is 0"),
        ("--shard=3/2", "shard is 3/2"),
        ("--shards=1/2", "--shards=1/2: study has no such setting; did you mean 'shard'?"),
        ("other.yaml", "study expects one file"),
        ("--folder=small.yaml/x", "experiment.yaml cannot be written (Not a directory)"),
        (f"--folder={'x' * 300}", "cannot be written (File name too long); choose another place"),
    ],
)
def test_wrong_arguments(file: Path, fails: Callable[..., str], argument: str, says: str) -> None:
    Path("small.yaml").touch()
    assert says in fails("study", str(file), argument)


def test_agents_take_the_shares_of_a_study(
    file: Path, multitask: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/study.md has it; what an agent says of itself must not reach the runs."""
    page = (ROOT / "docs/study.md").read_text()
    *_, block = re.findall(r"```yaml\n(.*?)```", page, re.S)
    sweep = yaml.safe_load(block)
    seen: list[Any] = []
    for name in ("WANDB_SWEEP_ID", "WANDB_RUN_ID", "WANDB_SWEEP_PARAM_PATH"):
        monkeypatch.setenv(name, "an agent's")

    def train(study: Study, runs: Sequence[PlannedRun], place: Workplace) -> None:
        seen.append([run.place for run in runs])
        assert not {"WANDB_SWEEP_ID", "WANDB_RUN_ID", "WANDB_SWEEP_PARAM_PATH"} & set(os.environ)

    monkeypatch.setattr("multitask.study.carrying_out.train", train)
    for shard in sweep["parameters"]["shard"]["values"]:
        given = create_sweep_command_args({"args": {"shard": {"value": shard}}})["args"]
        command = sweep["command"][3:-1]
        assert command[:2] == ["multitask", "study"]
        multitask("study", str(file), *given)
    study = read_study(file)
    everything = [run.place for run in [*planned(study), *trials(study)]]
    assert sorted(place for shard in seen for place in shard) == sorted(everything)
    assert len(seen) == 4
