"""A finished run's summary, for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest


def test_a_finished_run_has_a_summary(
    multitask: Callable[..., None], quick: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    multitask("fit", *quick)
    (path,) = Path("runs").glob("*/*/summary.json")
    summary = json.loads(path.read_text())
    rows = [line.split(",") for line in (path.parent / "metrics.csv").read_text().splitlines()]
    logged = {name: float(value) for _, _, name, value in rows[1:]}
    assert summary["metrics"]["test/digit/accuracy"] == logged["test/digit/accuracy"]
    assert summary["best_score"] == pytest.approx(logged["val/score"])
    assert summary["headlines"] == {"digit": "accuracy", "glyph": "r2"}
    assert summary["higher_is_better"]["test/glyph/mae"] is False
    assert summary["cost"]["steps"] == summary["cost"]["forward_passes"] == 4


def test_a_run_without_figures_draws_none(
    multitask: Callable[..., None], quick: tuple[str, ...]
) -> None:
    multitask("fit", *quick, "--run.test_after_fit=false")
    (path,) = Path("runs").glob("*/*/summary.json")
    assert not (path.parent / "figures").exists()
    assert not [name for name in json.loads(path.read_text())["metrics"] if "test/" in name]
    assert "gradients/digit/norm" in (path.parent / "metrics.csv").read_text()


def test_a_diverged_run_has_no_summary(fails: Callable[..., str], quick: tuple[str, ...]) -> None:
    assert "became NaN" in fails("fit", *quick, "--model.optimizer.init_args.lr=1e30")
    assert not list(Path("runs").glob("*/*/summary.json"))


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("{class_path: torchjd.aggregation.CAGrad, init_args: {c: -1}}", "c must be non-negative"),
        ("{class_path: torchjd.aggregation.FairGrad, init_args: {alpha: 2}}", "requires"),
    ],
)
def test_a_class_that_refuses_its_settings_says_so_in_one_sentence(
    fails: Callable[..., str],
    quick: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    says: str,
) -> None:
    if says == "requires":
        monkeypatch.setattr("torchjd._mixins.find_spec", lambda name: None)
    balancer = f"{{class_path: GradientBalancer, init_args: {{method: {method}}}}}"
    assert "cannot be created as configured: " in (
        said := fails("fit", *quick, f"--model.balancer={balancer}")
    )
    assert says in said
