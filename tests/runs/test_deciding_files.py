"""What decides how a run continues survives damage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multitask.errors import InputError
from multitask.runs.deciding_files import spare_of, whole_config, write_part, write_twice
from multitask.runs.summary import SUMMARY, forget_summary, read_summary

DAMAGE = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[:9],
    "zeros": lambda content: bytes(len(content)),
    "no YAML": lambda content: b"a: [" + content,
    "no text": lambda content: b"\xff\xfe" + content,
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_part(tmp_path, "config.yaml", "one: 1\ntwo: 2\n")
    write_part(tmp_path, "config.yaml", "one: 3\ntwo: 4\n")
    return tmp_path


def test_each_part_has_a_spare(run: Path) -> None:
    assert sorted(path.name for path in run.iterdir()) == ["config-2.yaml", "config.yaml", "spare"]
    assert spare_of(run / "config-2.yaml").read_text() == "one: 3\ntwo: 4\n"
    assert whole_config(run) == run / "config-2.yaml"


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_configuration_is_read_from_its_spare_and_then_from_the_one_before(
    how: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / "config-2.yaml"
    # Where both are cut short nothing tells that they are not all.
    for each in (path, spare_of(path))[: 1 if how == "cut short" else 2]:
        each.write_bytes(DAMAGE[how](each.read_bytes()))
        found = whole_config(run)
        said = capsys.readouterr().out
        assert str(path) in said
        if each == path:
            assert found == spare_of(path)
            assert f"so {found} is used instead" in said
    if how == "cut short":
        return
    assert found == run / "config.yaml"
    for each in (found, spare_of(found)):
        each.write_text("")
    with pytest.raises(InputError, match=r"config\.yaml is damaged, and no earlier one is intact"):
        whole_config(run)


def test_a_person_may_change_a_configuration(run: Path) -> None:
    (run / "config-2.yaml").write_text("one: 5\n")
    assert whole_config(run) == run / "config-2.yaml"


def test_a_missing_file_keeps_its_number(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "config-2.yaml").unlink()
    assert whole_config(run) == run / "spare/config-2.yaml"
    assert "config-2.yaml is missing" in capsys.readouterr().out
    write_part(run, "config.yaml", "one: 6\n")
    assert whole_config(run) == run / "config-3.yaml"


def test_a_damaged_summary_does_not_stand_for_an_end(tmp_path: Path) -> None:
    assert read_summary(tmp_path) is None
    write_twice(tmp_path / SUMMARY, json.dumps({"metrics": {}}))
    (tmp_path / SUMMARY).write_text('{"metr')
    assert read_summary(tmp_path) == {"metrics": {}}
    spare_of(tmp_path / SUMMARY).write_text("")
    assert read_summary(tmp_path) is None
    forget_summary(tmp_path)
    assert not list(tmp_path.rglob("*.json"))
