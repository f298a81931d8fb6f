"""What a scheme learns to share is logged and drawn, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from conformance.training import largest_difference, small_model, train, weights
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.balancing import FixedWeights
from multitask.callbacks import LearnedSharing
from multitask.encoders import Form
from multitask.errors import InputError
from multitask.runs.metrics_file import MetricsFile
from multitask.sharing import Mixing, Sharing

TASKS = ["kind", "size", "place"]


class Scaled(Sharing):
    """Each task weighs each feature; what a task takes of each is known from the first batch on."""

    def __init__(self, form: Form, tasks: list[str]) -> None:
        super().__init__(form, tasks)
        self.scales = nn.Parameter(torch.ones(len(tasks), form.features))
        self.has_run = False

    def mixing(self) -> dict[str, Mixing]:
        parts = [f"feature {place + 1}" for place in range(self.form.features)]
        return {"scales": Mixing(self.scales.detach(), parts)} if self.has_run else {}

    def forward(self, views: dict[str, Tensor]) -> dict[str, Tensor]:
        self.has_run = True
        return {task: row * views[task] for task, row in zip(self.tasks, self.scales, strict=True)}


def trained(callback: LearnedSharing, scheme: Any = Scaled, **options: Any) -> Any:
    model = small_model(FixedWeights(), sharing=scheme)
    callbacks = [callback, *options.pop("callbacks", [])]
    train(model, callbacks=callbacks, **options)
    return model


def test_logs_and_draws_what_the_scheme_learned(tmp_path: Path) -> None:
    callback = LearnedSharing(tmp_path / "figures/sharing.png", every=4)
    model = trained(callback, logger=MetricsFile(tmp_path / "metrics.csv"), steps=7)
    # Nothing is known before the first batch.
    assert callback.records.at == [1, 4, 7]
    last = callback.records.shares["scales"][-1]
    assert_close(last, model.sharing.scales.detach().float(), rtol=0, atol=0)
    assert (tmp_path / "figures/sharing.png").read_bytes().startswith(b"\x89PNG")
    rows = [row.split(",") for row in (tmp_path / "metrics.csv").read_text().splitlines()]
    logged = {(int(step), name): value for step, _, name, value in rows[1:] if "sharing" in name}
    assert len(logged) == 2 * 3 * 6
    share = float(callback.records.shares["scales"][1][2, 5])
    assert float(logged[3, "sharing/scales/place/feature 6"]) == pytest.approx(share)
    plain = small_model(FixedWeights(), sharing=Scaled)
    train(plain, steps=7)
    assert largest_difference(weights(plain), weights(model)) == 0


def test_resumed_records_equal_those_of_a_run_that_never_stopped(tmp_path: Path) -> None:
    whole, resumed = LearnedSharing(every=2), LearnedSharing(every=2)
    middle = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=4, save_top_k=-1)
    trained(whole, steps=7, callbacks=[middle], enable_checkpointing=True)
    path = tmp_path / "step=4.ckpt"
    trained(resumed, steps=7, ckpt_path=path)
    assert whole.records.at == resumed.records.at == [1, 2, 4, 6, 7]
    one, two = (torch.stack(each.records.shares["scales"]) for each in (whole, resumed))
    assert_close(one, two, rtol=0, atol=0)


def test_is_silent_where_nothing_of_that_kind_is_learned(tmp_path: Path) -> None:
    path = tmp_path / "sharing.png"
    callback = LearnedSharing(path, every=1)
    trained(callback, scheme=None, logger=MetricsFile(tmp_path / "metrics.csv"), steps=1)
    assert callback.state_dict() == {"batches": 1}
    assert "sharing/" not in (tmp_path / "metrics.csv").read_text()
    assert not path.exists()


def test_very_many_values_are_kept_and_not_logged() -> None:
    rows: list[dict[str, float]] = []
    logger = SimpleNamespace(log_metrics=lambda row, step: rows.append(row))
    trainer: Any = SimpleNamespace(loggers=[logger], current_epoch=0, global_step=0)
    model = small_model(FixedWeights(), sharing=Scaled)
    for parts in (33, 34):
        names = [str(part) for part in range(parts)]
        mixing = {"scales": Mixing(torch.zeros(3, parts), names)}
        model.sharing.mixing = lambda found=mixing: found  # type: ignore[method-assign]
        callback = LearnedSharing()
        callback.on_train_batch_end(trainer, model)
        assert callback.records.shares["scales"][0].shape == (3, parts)
    assert [len(row) for row in rows] == [33 * 3 + 1]


def test_only_the_first_process_draws_and_unknown_values_are_not_logged(tmp_path: Path) -> None:
    rows: list[dict[str, float]] = []
    logger = SimpleNamespace(log_metrics=lambda row, step: rows.append(row))
    trainer: Any = SimpleNamespace(
        loggers=[logger], current_epoch=0, global_step=0, is_global_zero=False
    )
    model = small_model(FixedWeights(), sharing=Scaled)
    shares = torch.ones(3, 1)
    shares[1] = torch.nan
    model.sharing.mixing = lambda: {"at/the end": Mixing(shares, ["a b"])}  # type: ignore[method-assign]
    callback = LearnedSharing(tmp_path / "sharing.png")
    callback.on_train_batch_end(trainer, model)
    callback.on_train_end(trainer, model)
    assert set(rows[0]) == {"sharing/at/the end/kind/a b", "sharing/at/the end/place/a b", "epoch"}
    assert list(tmp_path.iterdir()) == []


def test_refuses_to_look_never() -> None:
    with pytest.raises(InputError, match="every is 0"):
        LearnedSharing(every=0)
