"""What lies beside runs, as ``runs/digits/*`` names it, and was made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from multitask.ensembles.earlier_results import without_earlier_results


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Two runs, their ensemble, their average, and the average of others."""
    names = ["one", "two", "ensemble", "soup", "soup of others"]
    for name in names:
        (tmp_path / name / "checkpoints").mkdir(parents=True)
    (tmp_path / "ensemble/checkpoints/ensemble.ckpt").touch()
    (tmp_path / "soup/soup.yaml").write_text("runs:\n- runs/x/two\n- runs/x/three\n")
    (tmp_path / "soup of others/soup.yaml").write_text("runs:\n- runs/x/three\n")
    return [str(tmp_path / name) for name in names]


def test_leaves_out_and_tells_what_was_made_of_the_runs(folders: list[str]) -> None:
    one, two, ensemble, soup, of_others = folders
    kept, told = without_earlier_results(folders)
    assert kept == [one, two, of_others]
    assert told == [
        f"Skipped: {ensemble} is an ensemble",
        f"Skipped: {soup} is the average of given runs; name its checkpoint to include it too",
    ]
    checkpoint = f"{soup}/checkpoints/best.ckpt"
    assert without_earlier_results([one, two, checkpoint]) == ([one, two, checkpoint], [])


def test_leaves_nothing_out_if_no_two_runs_remain(folders: list[str]) -> None:
    one, two, ensemble, soup, _ = folders
    for given in ([one, ensemble], [two, soup]):
        assert without_earlier_results(given) == (given, [])
