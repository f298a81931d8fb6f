"""Telemetry says what the gradients were, and changes nothing."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from conformance.training import largest_difference, small_model, train, weights
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from matplotlib.image import imread
from torch import Tensor
from torchjd.scalarization import UW

from multitask import MultiTask
from multitask.balancing import Balancer, FixedWeights, GradientBalancer, Scalarized
from multitask.balancing.weightings import IMTLG, PCGrad
from multitask.callbacks import GradientTelemetry
from multitask.callbacks.gradient_telemetry import CHOSEN_AFTER, MANY
from multitask.encoders import ConvNet
from multitask.errors import InputError
from multitask.runs.metrics_file import MetricsFile
from multitask.tasks import Regression, Task
from multitask.training.mean_losses import mean_where_labelled

TASKS = ["kind", "size", "place"]


class ByHand(Callback):
    """Computes each task's gradient in a backward pass of its own, before the batch is trained on.

    Args:
        shared: whether of the encoder's parameters, not of its output.
    """

    def __init__(self, shared: bool = False) -> None:
        self.shared = shared
        self.gramians: list[Tensor] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, *_: Any
    ) -> None:
        model = deepcopy(pl_module)
        assert isinstance(model, MultiTask)
        representation = model.encoder(batch["image"])
        rows = []
        at = [*model.encoder.parameters()] if self.shared else [representation]
        for name, task in model.named_tasks.items():
            sums = torch.stack(task.loss(model.heads[name](representation), batch[name]))
            loss = mean_where_labelled(sums[:, None])[0]
            parts = torch.autograd.grad(loss, at, retain_graph=True, allow_unused=True)
            zeros = [torch.zeros_like(each) for each in at]
            found = [
                zero if part is None else part for zero, part in zip(zeros, parts, strict=True)
            ]
            rows.append(torch.cat([each.flatten() for each in found]))
        self.gramians.append(torch.stack(rows) @ torch.stack(rows).T)


def rows_of(path: Path) -> dict[str, list[float]]:
    """Logged values by name."""
    values: dict[str, list[float]] = {}
    for line in path.read_text().splitlines()[1:]:
        _, _, name, value = line.split(",")
        values.setdefault(name, []).append(float(value))
    return values


def trained(
    folder: Path, balancer: Balancer, every: int = 1, shared: bool = False, **options: Any
) -> tuple[MultiTask, ByHand, dict[str, list[float]]]:
    """Train with telemetry; returns what it logged, and the truth."""
    model, truth = small_model(balancer), ByHand(shared)
    telemetry = GradientTelemetry(folder / "gradients.png", every)
    train(model, callbacks=[truth, telemetry], logger=MetricsFile(folder / "m.csv"), **options)
    return model, truth, rows_of(folder / "m.csv")


@pytest.mark.parametrize("accumulated", [1, 2])
@pytest.mark.parametrize("shared", [False, True])
def test_logs_norms_cosines_and_conflict_rates(
    tmp_path: Path, shared: bool, accumulated: int
) -> None:
    balancer: Balancer = GradientBalancer(PCGrad(), "shared") if shared else FixedWeights()
    _, truth, logged = trained(
        tmp_path, balancer, shared=shared, steps=6, accumulate_grad_batches=accumulated
    )
    gramians = torch.stack(truth.gramians)
    norms = gramians.diagonal(dim1=1, dim2=2).sqrt()
    for place, task in enumerate(TASKS):
        expected = norms[:, place][norms[:, place] > 0]
        assert logged[f"gradients/{task}/norm"] == pytest.approx(expected.tolist(), rel=1e-9)
    assert len(logged["gradients/size/norm"]) < len(gramians)
    cosines = gramians[:, 0, 2] / norms[:, 0] / norms[:, 2]
    assert logged["gradients/kind-place/cosine"] == pytest.approx(cosines.tolist(), rel=1e-9)
    rates = (cosines < 0).double().cumsum(0) / torch.arange(1, len(cosines) + 1)
    assert logged["gradients/kind-place/conflict_rate"] == pytest.approx(rates.tolist())


def test_looks_every_few_batches(tmp_path: Path) -> None:
    _, truth, logged = trained(tmp_path, FixedWeights(), every=4)
    expected = [float(truth.gramians[at][0, 0].sqrt()) for at in (0, 4)]
    assert logged["gradients/kind/norm"] == pytest.approx(expected, rel=1e-9)


def test_waits_for_a_batch_in_which_the_balancer_compares_gradients(tmp_path: Path) -> None:
    balancer = GradientBalancer(PCGrad(), level="shared", every=3)
    _, truth, logged = trained(tmp_path, balancer, every=4, shared=True)
    assert len(truth.gramians) == 6
    # Due in the first and the fifth batch; the balancer compares in the first, fourth and seventh.
    expected = [float(truth.gramians[0][0, 0].sqrt())]
    assert logged["gradients/kind/norm"] == pytest.approx(expected)


def test_logs_the_weights_of_any_balancer(tmp_path: Path) -> None:
    for name in ("gradients", "losses"):
        (tmp_path / name).mkdir()
    model, _, logged = trained(tmp_path / "gradients", GradientBalancer(IMTLG()))
    expected = float(model.balancer.weights[0])  # type: ignore[arg-type, index]
    assert logged["gradients/kind/weight"][-1] == pytest.approx(expected, rel=1e-6)
    _, _, logged = trained(tmp_path / "losses", Scalarized(UW(3)))
    # The derivative of uncertainty weighting at its start is the same for all.
    first = [logged[f"gradients/{task}/weight"][0] for task in TASKS]
    assert first == pytest.approx([first[0]] * 3)
    assert logged["gradients/kind/weight"][-1] != first[0]


@pytest.mark.parametrize("balancer", [FixedWeights, lambda: GradientBalancer(IMTLG())])
def test_changes_nothing_but_draws(tmp_path: Path, balancer: Any) -> None:
    plain = small_model(balancer())
    train(plain)
    model, _, _ = trained(tmp_path, balancer())
    assert largest_difference(weights(plain), weights(model)) < 1e-12
    assert (tmp_path / "gradients.png").read_bytes().startswith(b"\x89PNG")
    assert model.views.watchers == []


def test_resumed_records_equal_those_of_a_run_that_never_stopped(tmp_path: Path) -> None:
    whole, resumed = (GradientTelemetry(tmp_path / "gradients.png", 2) for _ in range(2))
    middle = ModelCheckpoint(tmp_path, filename="middle", every_n_train_steps=3, save_top_k=-1)
    options: dict[str, Any] = {"steps": 7}
    train(
        small_model(FixedWeights()),
        callbacks=[whole, middle],
        enable_checkpointing=True,
        **options,
    )
    path = tmp_path / "middle.ckpt"
    train(small_model(FixedWeights()), callbacks=[resumed], ckpt_path=path, **options)
    one, two = whole.state_dict(), resumed.state_dict()
    assert one["at"] == two["at"] == [0, 2, 4, 6]
    assert one.keys() == two.keys()
    for key in ("norms", "weights", "cosines", "conflicts", "seen", "sums"):
        torch.testing.assert_close(one[key], two[key], rtol=0, atol=0, equal_nan=True)


def looked(telemetry: GradientTelemetry, tasks: list[str], count: int) -> list[dict[str, float]]:
    """What telemetry would log of records in which the first two tasks conflict, and no others."""
    rows = []
    for at in range(count):
        gradients = torch.rand(len(tasks), 8, dtype=torch.float64)
        gradients[1] = -gradients[0]
        gradients[2:] += 1
        gramian = gradients @ gradients.T
        found = telemetry.records.add(at, gramian, torch.ones(len(tasks)))
        rows.append(telemetry._values(tasks, *found))
    return rows


def test_of_many_tasks_logs_summaries_and_a_few_pairs_that_stay(tmp_path: Path) -> None:
    tasks = [f"t{place}" for place in range(20)]
    telemetry = GradientTelemetry(tmp_path / "gradients.png")
    rows = looked(telemetry, tasks, CHOSEN_AFTER + 5)
    pairs = [{name for name in row if name.endswith("/cosine")} for row in rows]
    assert [len(each) for each in pairs] == [0] * (CHOSEN_AFTER - 1) + [MANY] * 6
    assert len(set(map(frozenset, pairs[CHOSEN_AFTER - 1 :]))) == 1
    assert "gradients/t0-t1/cosine" in pairs[-1]
    assert rows[-1]["gradients/t0-t1/conflict_rate"] == 1
    assert len([name for name in rows[0] if name.endswith(("/norm", "/weight"))]) == 40
    # The second task, against the others, is the only one that conflicts.
    assert rows[0]["gradients/conflicting_pairs"] == pytest.approx(19 / 190)
    assert 0 < rows[0]["gradients/mean_cosine"] < 1


def test_a_resumed_run_logs_the_pairs_of_its_first_part() -> None:
    tasks = [f"t{place}" for place in range(20)]
    first, second = GradientTelemetry(), GradientTelemetry()
    before = looked(first, tasks, CHOSEN_AFTER)[-1]
    second.load_state_dict(first.state_dict())
    # Other pairs conflict from now on.
    after = looked(second, tasks[::-1], 3)[-1]
    swapped = dict(zip(tasks, tasks[::-1], strict=True))
    expected = {
        f"gradients/{'-'.join(swapped[task] for task in name.split('/')[1].split('-'))}/cosine"
        for name in before
        if name.endswith("/cosine")
    }
    assert {name for name in after if name.endswith("/cosine")} == expected


def test_draws_pairs_of_many_tasks(tmp_path: Path) -> None:
    tasks: dict[str, Task] = {f"t{place}": Regression() for place in range(MANY + 1)}
    model = MultiTask(ConvNet(channels=[2]), tasks)
    telemetry = GradientTelemetry(tmp_path / "gradients.png")
    looked(telemetry, list(tasks), 3)
    trainer: Any = SimpleNamespace(is_global_zero=True, loggers=[], global_step=3)
    telemetry.on_train_end(trainer, model)
    for name in ("gradients.png", "gradients_pairs.png"):
        image = imread(tmp_path / name)
        assert image.shape[0] < 3000
        assert image.std() > 0.1


def test_refuses_to_look_never() -> None:
    with pytest.raises(InputError, match="every is 0"):
        GradientTelemetry(Path("gradients.png"), every=0)
