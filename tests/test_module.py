"""MultiTask: outputs, the loss, what is logged, optimizers, and refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, partialmethod
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning.pytorch.cli as lightning_cli
import pytest
import torch
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.loggers import Logger
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR
from torch.testing import assert_close
from torchjd.scalarization import DWA, FAMO, UW

from multitask import MultiTask
from multitask.balancing import GradientBalancer, Scalarized
from multitask.balancing.weightings import PCGrad
from multitask.callbacks import Cost
from multitask.data import DataModule
from multitask.encoders import Form, Vector
from multitask.errors import InputError
from multitask.heads import MLPHead
from multitask.sharing import Sharing
from multitask.tasks import Classification, Regression, Segmentation
from multitask.training.batch_norm import GlobalBatchNorm
from multitask.training.data_check import check_data
from multitask.training.score import contribution

TinyData = Callable[..., DataModule]
TinyModel = Callable[..., MultiTask]
MakeTrainer = Callable[..., Trainer]

METRICS = {
    "kind": [
        *("accuracy", "balanced_accuracy", "f1", "auroc"),
        "calibration_error",
        "nll",
        "brier",
    ],
    "size": ["mae", "rmse", "r2"],
}


class Recorder(Logger):
    """Keeps what is logged, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int | None, dict[str, float]]] = []

    name = version = "recorder"

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.rows.append((step, dict(metrics)))

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to keep."""

    @property
    def names(self) -> set[str]:
        return {name for _, row in self.rows for name in row}

    def values(self, name: str) -> list[float]:
        return [row[name] for _, row in self.rows if name in row]


class Split(Sharing):
    """Gives each of two tasks its own half of the representation, times a learnt factor.

    Args:
        form: see `Sharing`; a vector.
        tasks: see `Sharing`.
        start: the factor before training.
    """

    def __init__(self, form: Form, tasks: list[str], start: float = 1.0) -> None:
        super().__init__(form, tasks)
        self.form = Vector(form.features // 2)
        self.factor = nn.Parameter(torch.tensor(start))

    def forward(self, views: dict[str, Any]) -> dict[str, Any]:
        halves = [
            (self.factor * each).split(self.form.features, 1)[place]
            for place, each in enumerate(views.values())
        ]
        return dict(zip(self.tasks, halves, strict=True))


def metric_names(split: str) -> set[str]:
    return {f"{split}/{task}/{metric}" for task, names in METRICS.items() for metric in names}


def first_batch(data: DataModule) -> dict[str, Tensor]:
    data.setup()
    return next(iter(data.train_dataloader()))


# Outputs


def test_forward_gives_each_heads_raw_output(tiny_model: TinyModel) -> None:
    model, image = tiny_model().eval(), torch.rand(5, 1, 4, 4)
    outputs = model(image)
    assert list(outputs) == ["kind", "size"]
    for name, width in (("kind", 3), ("size", 1)):
        assert outputs[name].shape == (5, width)
        assert_close(outputs[name], model.heads[name](model.encoder(image)))


@pytest.mark.parametrize("training", [True, False])
def test_outputs_are_single_precision_under_autocast(training: bool, tiny_model: TinyModel) -> None:
    model, image = tiny_model().train(training), torch.rand(6, 1, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert model.heads["kind"](model.encoder(image)).dtype == torch.bfloat16
        outputs, predictions = model(image), model.predict(image)
    assert {values.dtype for values in outputs.values()} == {torch.float32}
    assert {values.dtype for values in predictions.values()} == {torch.float32}


def test_double_precision_is_kept(tiny_model: TinyModel) -> None:
    outputs = tiny_model().double()(torch.rand(6, 1, 4, 4).double())
    assert {values.dtype for values in outputs.values()} == {torch.float64}


def test_predictions_are_probabilities_and_original_units(
    tiny_model: TinyModel, tiny_data: TinyData
) -> None:
    model, data = tiny_model().eval(), tiny_data()
    check_data(model.named_tasks, data, "train")
    known = data.targets("train")["size"]
    known = known[known.isfinite()]
    image = torch.rand(6, 1, 4, 4)
    outputs, found = model(image), model.predict(image)
    assert_close(found["kind"], outputs["kind"].softmax(1))
    assert_close(found["size"], outputs["size"] * known.std(correction=0) + known.mean())


def test_trainer_predicts_the_test_split(
    tiny_model: TinyModel, tiny_data: TinyData, trainer: MakeTrainer
) -> None:
    model, data = tiny_model(), tiny_data()
    check_data(model.named_tasks, data, "train")
    batches: Any = trainer().predict(model, data)
    images = data.splits["test"].images(torch.arange(24))
    with torch.no_grad():
        expected = model.eval().predict(images)
    for name in expected:
        assert_close(torch.cat([batch[name] for batch in batches]), expected[name])


# The loss


def test_loss_is_the_weighted_sum_of_the_means_over_known_targets(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    tasks = {"kind": Classification(3, weight=0.5), "size": Regression(weight=3.0)}
    model, reference = tiny_model(tasks=tasks), tiny_model(tasks=tasks)
    recorder = Recorder()
    data = tiny_data()
    trainer(logger=recorder, limit_train_batches=1, limit_val_batches=0).fit(model, data)

    batch, targets = first_batch(tiny_data()), data.targets("train")
    representation = reference.train().encoder(batch["image"])
    labelled = batch["kind"] != -100
    logits = reference.heads["kind"](representation)[labelled]
    kind = nn.functional.cross_entropy(logits, batch["kind"][labelled])
    sizes = targets["size"][targets["size"].isfinite()]
    goal = (batch["size"] - sizes.mean()) / sizes.std(correction=0)
    measured = goal.isfinite()
    assert 0 < labelled.sum() < 8
    assert 0 < measured.sum() < 8
    size = (reference.heads["size"](representation)[:, 0] - goal)[measured].square().mean()
    assert_close(recorder.values("train/loss")[0], (0.5 * kind + 3 * size).item())
    assert_close(recorder.values("train/kind/loss")[0], kind.item())
    assert_close(recorder.values("train/size/loss")[0], size.item())
    assert recorder.values("train/kind/weight") == [0.5]
    assert recorder.values("train/size/weight") == [3.0]


def test_a_step_descends_the_gradient_of_that_loss(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    model, reference, data = tiny_model(), tiny_model(), tiny_data()
    trainer(limit_train_batches=1, limit_val_batches=0).fit(model, data)
    check_data(reference.named_tasks, data, "train")
    batch = first_batch(tiny_data())
    outputs = reference.train()(batch["image"])
    means = [
        total / count
        for total, count in (
            task.loss(outputs[name], batch[name]) for name, task in reference.named_tasks.items()
        )
    ]
    torch.stack(means).sum().backward()
    for (name, after), before in zip(model.named_parameters(), reference.parameters(), strict=True):
        assert before.grad is not None
        assert before.grad.abs().sum() > 0, name
        assert_close(after, before - 0.05 * before.grad, msg=name)


def test_task_without_labels_in_a_batch_adds_nothing(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    unknown = torch.full((24,), -100)
    row = first_batch(tiny_data())["index"]
    unknown[[place for place in range(24) if place not in row.tolist()]] = 0
    recorder, model = Recorder(), tiny_model()
    before = model.heads["kind"].weight.detach().clone()  # type: ignore[union-attr]
    data = tiny_data({"train": {"kind": unknown}})
    trainer(logger=recorder, limit_train_batches=1, limit_val_batches=0).fit(model, data)
    assert "train/kind/loss" not in recorder.names
    assert recorder.values("train/loss") == pytest.approx(recorder.values("train/size/loss"))
    assert torch.equal(before, model.heads["kind"].weight)  # type: ignore[arg-type, union-attr]


def test_sharing_scheme_decides_what_each_task_sees(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel, tmp_path: Path
) -> None:
    model = tiny_model(sharing=partial(Split, start=3.0))
    images = torch.rand(5, 1, 4, 4)
    outputs, features = model.eval()(images), 3 * model.encoder(images)
    for name, half in zip(METRICS, features.split(4, 1), strict=True):
        assert_close(outputs[name], model.heads[name](half))
    runner = trainer()
    runner.fit(model, tiny_data())
    assert model.sharing.factor != 3
    runner.save_checkpoint(tmp_path / "model.ckpt")
    again = MultiTask.load_from_checkpoint(tmp_path / "model.ckpt", trust=True)
    assert_close(again.eval()(images), model.eval()(images))


def test_batch_normalisation_of_every_part_sees_all_processes(
    tiny_data: TinyData, tiny_model: TinyModel
) -> None:
    class Normalised(Split):
        def __init__(self, form: Form, tasks: list[str]) -> None:
            super().__init__(form, tasks)
            self.norm = nn.BatchNorm1d(form.features)

    def head(in_features: int, out_features: int) -> nn.Module:
        return nn.Sequential(nn.BatchNorm1d(in_features), nn.Linear(in_features, out_features))

    model = tiny_model(
        sharing=Normalised,
        tasks={"kind": Classification(3, head=head), "size": Regression(head=head)},
    )
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    facts = {"world_size": 2, "strategy": strategy, "precision": "32-true"}
    two: Any = SimpleNamespace(datamodule=tiny_data(), **facts)
    model._trainer = two
    model.setup("fit")
    norms = [each for each in model.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    assert [type(each) for each in norms] == [GlobalBatchNorm] * 4


def test_batch_normalisation_stays_apart_where_it_is_asked_to(
    tiny_data: TinyData, tiny_model: TinyModel
) -> None:
    model = tiny_model(sync_batch_norm=False)
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    facts = {"world_size": 2, "strategy": strategy, "precision": "32-true"}
    two: Any = SimpleNamespace(datamodule=tiny_data(), **facts)
    model._trainer = two
    model.setup("fit")
    assert not any(isinstance(each, GlobalBatchNorm) for each in model.modules())


def test_compiled_encoder_learns_the_same(
    tiny_data: TinyData,
    trainer: MakeTrainer,
    tiny_model: TinyModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Compiled once for training and once for validation, however much is counted beside it."""
    compiled_graphs: list[int] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Any:
        compiled_graphs.append(len(inputs))
        return graph.forward

    plain = tiny_model()
    trainer(max_epochs=3).fit(plain, tiny_data())
    monkeypatch.setattr(nn.Module, "compile", partialmethod(nn.Module.compile, backend=backend))
    model = tiny_model(compile=True)
    cost = Cost()
    trainer(max_epochs=3, callbacks=[cost]).fit(model, tiny_data())
    for name, value in plain.state_dict().items():
        assert_close(model.state_dict()[name], value)
    assert len(compiled_graphs) == 2
    assert cost.values()["forward_passes"] == cost.values()["backward_passes"] == 9


def test_compiled_encoder_is_not_for_a_balancer_of_parameters(tiny_model: TinyModel) -> None:
    balancer = GradientBalancer(PCGrad(), level="shared")
    with pytest.raises(InputError, match="set level: representation, or do not compile"):
        tiny_model(balancer=balancer, compile=True)


def test_checkpoint_of_a_compiled_encoder_asks_for_no_compiler(tiny_model: TinyModel) -> None:
    model = tiny_model(compile=True)
    assert model.encoder._compiled_call_impl is not None
    assert not model.hparams["compile"]


def test_a_task_that_cannot_read_the_encoder_is_named(tiny_model: TinyModel) -> None:
    tasks = {"kind": Classification(3), "mask": Segmentation(2)}
    with pytest.raises(InputError, match="^task 'mask': a DenseHead needs maps, but the encoder"):
        tiny_model(tasks=tasks)


@pytest.mark.parametrize("split", ["val", "test"])
def test_labels_of_every_split_are_checked_before_training(
    split: str, tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    words = {"val": "validation", "test": "test"}[split]
    data = tiny_data({split: {"kind": torch.full((24,), 7)}})
    with pytest.raises(InputError, match=rf"'kind': the {words} labels include class 7, but"):
        trainer().fit(tiny_model(), data)


# What is logged


def test_training_logs_every_name(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    recorder = Recorder()
    trainer(logger=recorder).fit(tiny_model(), tiny_data())
    expected = metric_names("train") | metric_names("val") | {"epoch"}
    expected |= {f"train/{task}/{name}" for task in METRICS for name in ("loss", "weight")}
    expected |= {f"val/{task}/loss" for task in METRICS}
    expected |= {
        f"train/{name}" for name in ("loss", "learning_rate", "samples_per_second", "score")
    }
    assert recorder.names == expected | {"val/score"}
    assert recorder.values("train/learning_rate") == [0.05]
    assert recorder.values("train/samples_per_second")[0] > 0


def test_testing_logs_every_name_and_the_trivial_predictors(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    recorder, model, data = Recorder(), tiny_model(), tiny_data()
    check_data(model.named_tasks, data, "train")
    trainer(logger=recorder).test(model, data, verbose=False)
    expected = metric_names("test") | metric_names("trivial") | {"epoch", "test/score"}
    assert recorder.names == expected | {f"test/{task}/loss" for task in METRICS}


def test_step_values_are_logged_at_the_steps_that_were_taken(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    recorder = Recorder()
    options = {"max_epochs": 2, "log_every_n_steps": 2, "limit_val_batches": 0}
    trainer(logger=recorder, **options).fit(tiny_model(), tiny_data())
    steps = [(step, row["epoch"]) for step, row in recorder.rows if "train/loss" in row]
    # Counted from 0: every second batch, and the last of each epoch.
    assert steps == [(1, 0), (2, 0), (4, 1), (5, 1)]


def test_directions_name_what_is_logged_on_validation_and_test(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    recorder, model, data = Recorder(), tiny_model(), tiny_data()
    runner = trainer(logger=recorder)
    runner.fit(model, data)
    runner.test(model, data, verbose=False)
    directions = dict(model.evaluations.directions())
    logged = {name for name in recorder.names if name.startswith(("val/", "test/"))}
    assert set(directions) == logged - {"val/score", "test/score"}
    higher = {name for name, better in directions.items() if better}
    best = {f"{split}/kind/{name}" for split in ("val", "test") for name in METRICS["kind"][:4]}
    assert higher == best | {"val/size/r2", "test/size/r2"}


def test_score_is_the_mean_of_what_the_tasks_contribute(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    runner = trainer()
    runner.fit(tiny_model(), tiny_data())
    values = runner.callback_metrics
    for split in ("train", "val"):
        # The three classes are equally frequent.
        kind = contribution(values[f"{split}/kind/accuracy"], 1 / 3, True)
        size = contribution(values[f"{split}/size/r2"], 0.0, True)
        assert_close(values[f"{split}/score"], (kind + size) / 2)


def test_task_without_validation_labels_is_left_out(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    runner = trainer()
    changed = {"val": {"size": torch.full((24,), float("nan"))}}
    with pytest.warns(UserWarning, match="task 'size' has no label in the validation split"):
        runner.fit(tiny_model(), tiny_data(changed))
    values = runner.callback_metrics
    assert not any(name.startswith("val/size/") for name in values)
    assert "train/size/r2" in values
    assert_close(values["val/score"], contribution(values["val/kind/accuracy"], 1 / 3, True))


def test_validation_equals_the_metrics_over_all_samples_at_once(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    model, data = tiny_model(), tiny_data(batch_size=7)
    check_data(model.named_tasks, data, "train")
    (found,) = trainer().validate(model, data, verbose=False)
    targets = data.targets("val")
    with torch.no_grad():
        outputs = model.eval()(data.splits["val"].images(torch.arange(24)))
    labelled, measured = targets["kind"] >= 0, targets["size"].isfinite()
    logits, true = outputs["kind"][labelled], targets["kind"][labelled]
    right = (logits.argmax(1) == true).float().mean()
    assert found["val/kind/accuracy"] == pytest.approx(float(right))
    entropy = nn.functional.cross_entropy(logits, true)
    assert found["val/kind/loss"] == pytest.approx(float(entropy), rel=1e-5)
    guess = model.tasks["size"].predict(outputs["size"])[:, 0]  # type: ignore[operator]
    errors = (guess - targets["size"])[measured]
    assert found["val/size/mae"] == pytest.approx(float(errors.abs().mean()), rel=1e-5)
    assert found["val/size/rmse"] == pytest.approx(float(errors.square().mean().sqrt()), rel=1e-5)


def test_sanity_check_leaves_no_metrics_behind(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    scores = []
    for sanity in (0, 2):
        recorder = Recorder()
        trainer(num_sanity_val_steps=sanity, logger=recorder).fit(tiny_model(), tiny_data())
        scores.append(recorder.values("val/size/mae"))
    assert scores[0] == scores[1]
    assert len(scores[0]) == 1


def test_empty_share_of_a_batch_changes_nothing(tiny_data: TinyData, tiny_model: TinyModel) -> None:
    # The last batch of an evaluation may have fewer samples than there are processes.
    data = tiny_data()
    data.setup()
    scores = []
    for rows in ([range(24)], [range(24), range(0)]):
        model = tiny_model().eval()
        for share in rows:
            model.validation_step(data.splits["val"][torch.tensor(list(share)).long()], 0)
        values = model.evaluations["val_split"].compute()  # type: ignore[operator]
        scores.append({name: float(value) for name, value in values.items()})
    assert scores[0] == scores[1]


# Optimizers and schedules


def parameter_ids(group: Mapping[str, Any]) -> set[int]:
    return {id(parameter) for parameter in group["params"]}


def test_every_parameter_is_in_one_group(tiny_model: TinyModel) -> None:
    model = tiny_model(optimizer=partial(torch.optim.AdamW, lr=0.1, weight_decay=0.3))
    (group,) = model.configure_optimizers().param_groups
    assert parameter_ids(group) == {id(parameter) for parameter in model.parameters()}
    assert (group["lr"], group["weight_decay"]) == (0.1, 0.3)


def test_balancers_parameters_have_no_weight_decay(tiny_model: TinyModel) -> None:
    optimizer = partial(torch.optim.AdamW, lr=0.1, weight_decay=0.3)
    model = tiny_model(optimizer=optimizer, balancer=Scalarized(partial(UW, shape=2)))
    rest, own = model.configure_optimizers().param_groups
    (log_var,) = model.balancer.parameters()
    assert parameter_ids(own) == {id(log_var)}
    assert (own["weight_decay"], rest["weight_decay"]) == (0, 0.3)
    assert own["lr"] == rest["lr"] == 0.1
    everything = {id(parameter) for parameter in model.parameters()}
    assert parameter_ids(rest) == everything - parameter_ids(own)


def test_what_a_balancer_updates_itself_is_in_no_group(tiny_model: TinyModel) -> None:
    model = tiny_model(balancer=Scalarized(partial(FAMO, shape=2)))
    (group,) = model.configure_optimizers().param_groups
    kept = {id(parameter) for parameter in model.balancer.parameters()}
    assert len(kept) == 1
    everything = {id(parameter) for parameter in model.parameters()}
    assert parameter_ids(group) == everything - kept
    ignored = [dict(model.named_parameters())[n] for n in model._ddp_params_and_buffers_to_ignore]
    assert {id(parameter) for parameter in ignored} == kept


@pytest.mark.parametrize(
    "balancer", [partial(UW, shape=2), partial(FAMO, shape=2, lr=0.1), partial(DWA)], ids=str
)
def test_balancer_learns_in_training(
    balancer: Any, tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    recorder, model = Recorder(), tiny_model(balancer=Scalarized(balancer))
    trainer(logger=recorder, log_every_n_steps=1, max_epochs=4).fit(model, tiny_data())
    assert len({round(value, 6) for value in recorder.values("train/kind/weight")}) > 1


@pytest.mark.parametrize(("interval", "steps"), [("step", 6), ("epoch", 2)])
def test_schedule_counts_steps_or_epochs(
    interval: str,
    steps: int,
    tiny_data: TinyData,
    trainer: MakeTrainer,
    tiny_model: TinyModel,
) -> None:
    halved = partial(StepLR, step_size=1, gamma=0.5)
    model = tiny_model(scheduler=halved, scheduler_interval=interval)
    runner = trainer(max_epochs=2)
    runner.fit(model, tiny_data())
    assert runner.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.05 * 0.5**steps)


@pytest.mark.parametrize("interval", ["step", "epoch"])
@pytest.mark.parametrize(
    ("scheduler", "monitor"),
    [
        (partial(ReduceLROnPlateau, mode="max"), "val/score"),
        (partial(lightning_cli.ReduceLROnPlateau, monitor="val/size/loss"), "val/size/loss"),
    ],
)
def test_plateau_schedule_looks_at_a_metric_each_epoch(
    scheduler: Any, monitor: str, interval: str, tiny_model: TinyModel
) -> None:
    model = tiny_model(scheduler=scheduler, scheduler_interval=interval)
    schedule = model.configure_optimizers()["lr_scheduler"]
    assert (schedule["monitor"], schedule["interval"]) == (monitor, "epoch")


def test_plateau_schedule_lowers_the_rate_once_the_score_stands_still(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    # With a threshold above any score, each epoch after the first is a plateau.
    plateau = partial(ReduceLROnPlateau, mode="max", threshold=9, threshold_mode="abs", patience=0)
    runner = trainer(max_epochs=3)
    runner.fit(tiny_model(scheduler=plateau), tiny_data())
    assert runner.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.05 * 0.1**2)


# Refusals


def test_diverged_model_is_not_saved(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel, tmp_path: Path
) -> None:
    model, runner = tiny_model(), trainer()
    runner.fit(model, tiny_data())
    runner.save_checkpoint(tmp_path / "good.ckpt")
    model.divergence.diverged[1] = True
    with pytest.raises(InputError, match=r"task 'size' became NaN or infinite .* step 3"):
        runner.save_checkpoint(tmp_path / "bad.ckpt")
    assert [path.name for path in tmp_path.glob("*.ckpt")] == ["good.ckpt"]


def test_training_stops_at_a_loss_that_is_not_finite(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    images = torch.rand(24, 1, 4, 4)
    images[:, :, 0, 0] = float("nan")
    with pytest.raises(InputError, match=r"'kind' became NaN .*no checkpoint was saved yet"):
        trainer().fit(tiny_model(), tiny_data(images=images))


def test_data_without_targets_are_refused(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    class Plain(LightningDataModule):
        def train_dataloader(self) -> Any:
            data = tiny_data()
            data.setup()
            return data.train_dataloader()

    message = "needs a multitask.data.DataModule to learn the statistics of the training targets"
    with pytest.raises(InputError, match=message):
        trainer().fit(tiny_model(), Plain())
    with pytest.raises(InputError, match=message):
        trainer().fit(tiny_model(), Plain().train_dataloader())


@pytest.mark.parametrize("verb", ["fit", "validate", "test"])
def test_task_that_the_data_do_not_have_is_refused(
    verb: str, tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    tasks = {"kind": Classification(3), "sizes": Regression()}
    with pytest.raises(InputError, match=r"task 'sizes' is not in the data.*did you mean 'size'"):
        getattr(trainer(), verb)(tiny_model(tasks=tasks), tiny_data())


def test_balancer_that_does_not_fit_the_tasks_is_refused(tiny_model: TinyModel) -> None:
    with pytest.raises(InputError, match="does not fit the 2 tasks kind, size"):
        tiny_model(balancer=Scalarized(partial(UW, shape=3)))


def test_checkpoint_of_another_model_is_refused(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel, tmp_path: Path
) -> None:
    runner = trainer()
    runner.fit(tiny_model(), tiny_data())
    runner.save_checkpoint(tmp_path / "model.ckpt")
    other = tiny_model(tasks={"kind": Classification(3, head=MLPHead), "size": Regression()})
    with pytest.raises(InputError, match=r"it has no 'heads\.kind\.layers"):
        trainer().test(other, tiny_data(), ckpt_path=tmp_path / "model.ckpt", weights_only=True)
