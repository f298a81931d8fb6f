"""Tasks that are kept stay near to what an old run's model says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from callbacks.old_runs import NONE, Watch, fit, keep, new_data, new_model, old_tasks, saved
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from tiny_training import TinyData, tiny_model
from torch import Tensor, nn
from torchjd.aggregation import UPGrad
from torchjd.scalarization import UW
from torchvision.transforms import v2

from multitask import MultiTask
from multitask.balancing import GradientBalancer, Scalarized
from multitask.callbacks import KeepTasks, RandomState, TaskAffinity
from multitask.encoders import MLP, Encoder, forms
from multitask.errors import InputError
from multitask.passes import AdversarialPass, TradesPass
from multitask.robustness import Attack
from multitask.runs.metrics_file import MetricsFile
from multitask.sharing import CrossStitch, MMoE
from multitask.tasks import (
    Classification,
    GaussianRegression,
    Regression,
    Segmentation,
    ToyObjective,
)
from multitask.training.description import describe
from multitask.training.kept_outputs import KeptOutputs, entries

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("old") / "best.ckpt")


@pytest.fixture(scope="module")
def teacher(old: Path) -> MultiTask:
    return MultiTask.load_from_checkpoint(old).double().eval()


def same(one: MultiTask, other: MultiTask) -> bool:
    states = one.state_dict(), other.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_each_kept_task_has_the_distance_beside_its_loss(
    old: Path, teacher: MultiTask, tmp_path: Path
) -> None:
    watch, data, model = Watch(), new_data(labels=True), new_model()
    model.task_weights[0] = 3.0
    logger = MetricsFile(tmp_path / "metrics.csv")
    fit(model, data, keep(str(old)), watch, max_steps=1, logger=logger, log_every_n_steps=1)
    (batch,), (losses,) = watch.batches, watch.losses
    # Before the step, which has been taken back: the rate of the second model is 0.
    again = new_model().double()
    for name in ("kind", "size", "mass"):
        again.tasks[name].load_state_dict(model.tasks[name].state_dict())
    outputs, kept = again(batch["image"]), teacher(batch["image"])
    pairs = {
        name: task.loss(outputs[name], batch[name]) for name, task in again.named_tasks.items()
    }
    truth = [sums / counts for sums, counts in pairs.values()]
    probability = (kept["kind"] / 2).softmax(1)
    logs = (probability.log() - (outputs["kind"] / 2).log_softmax(1)) * probability
    truth[0] = 3 * (truth[0] + 0.5 * 4 * logs.sum(1).mean())
    distance = (outputs["size"] - kept["size"]).square().mean()
    truth[1] = truth[1] + 0.5 * distance
    torch.testing.assert_close(losses, torch.stack(truth))
    # What is logged is the distance itself.
    rows = [line.split(",") for line in (tmp_path / "metrics.csv").read_text().splitlines()]
    (logged,) = (float(row[3]) for row in rows if row[2] == "train/size/distance")
    assert logged == pytest.approx(float(distance))


def test_no_old_label_is_needed(old: Path, teacher: MultiTask) -> None:
    watch, callback, model = Watch(), keep(str(old), weight=3.0), new_model()
    before = teacher.state_dict()
    fit(model, new_data(), callback, watch, max_steps=60)
    assert not watch.batches[0]["kind"].ge(0).any()
    image = watch.batches[0]["image"]
    far, near = ({**each.double().eval()(image)} for each in (new_model(), model))
    kept = teacher(image)
    for name in ("kind", "size"):
        # The statistics are the old run's, so that outputs mean the same.
        task = model.named_tasks[name]
        distances = [task.distance(each[name], kept[name], 1.0).mean() for each in (near, far)]
        assert distances[0] < 0.2 * distances[1]
        for each, values in teacher.named_tasks[name].state_dict().items():
            assert torch.equal(task.state_dict()[each], values)
    assert all(torch.equal(values, teacher.state_dict()[name]) for name, values in before.items())
    # It is not a part of the model.
    assert model.state_dict().keys() == new_model().state_dict().keys()
    assert callback._old is None


class Layer(Encoder):
    """One layer, without batch normalisation."""

    out_features = 8

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 8)

    def forward(self, image: Tensor) -> Tensor:
        return self.layer(image.flatten(1))


def test_accumulated_batches_are_one_large_batch(old: Path) -> None:
    parted, whole = (new_model(encoder=Layer()) for _ in range(2))
    fit(parted, new_data(batch_size=6), keep(str(old)), max_steps=1, accumulate_grad_batches=4)
    fit(whole, new_data(batch_size=24), keep(str(old)), max_steps=1)
    for name, values in whole.state_dict().items():
        torch.testing.assert_close(parted.state_dict()[name], values, rtol=1e-10, atol=1e-12)


def attack() -> Attack:
    return Attack(0.1, steps=1, random_start=True)


WAYS: dict[str, Callable[[], dict[str, Any]]] = {
    "gradients, cross-stitch": lambda: {
        "balancer": GradientBalancer(UPGrad()),
        "sharing": CrossStitch,
    },
    "losses, experts, attacked": lambda: {
        "balancer": Scalarized(UW(3)),
        "sharing": MMoE,
        "training_pass": AdversarialPass(attack(), share=0.5),
    },
    "TRADES": lambda: {"training_pass": TradesPass(attack())},
}


@pytest.mark.parametrize("make", WAYS.values(), ids=WAYS)
def test_works_together_with(make: Callable[[], dict[str, Any]], old: Path) -> None:
    made = make()
    watch, model = Watch(), new_model(**made)
    precision = "64-true" if "balancer" in made else "bf16-mixed"
    affinity = TaskAffinity(every=1, learning_rate=0.01)
    data = new_data()
    fit(model, data, keep(str(old)), watch, affinity, precision=precision, max_steps=3)
    assert all((losses > 0).all() for losses in watch.losses)
    assert (torch.as_tensor(affinity._looks) > 0).all()


def test_an_attack_does_not_reach_what_is_kept(old: Path, teacher: MultiTask) -> None:
    watch = Watch()
    fit(new_model(training_pass=AdversarialPass(attack())), new_data(), keep(str(old)), watch)
    # What the callback saw, in the order in which the data gave it.
    batch = watch.batches[0]
    torch.testing.assert_close(batch["@kept/kind"], teacher(batch["image"])["kind"])


def test_continued_as_if_never_stopped(old: Path, tmp_path: Path) -> None:
    whole = new_model()
    middle = ModelCheckpoint(tmp_path, filename="last", every_n_train_steps=2, save_top_k=-1)
    saving: dict[str, Any] = {"max_steps": 3, "enable_checkpointing": True}
    fit(whole, new_data(), keep(str(old)), RandomState(), middle, **saving)
    again: dict[str, Any] = {"ckpt_path": tmp_path / "last.ckpt", "max_steps": 3}
    resumed = new_model()
    fit(resumed, new_data(), keep(str(old)), RandomState(), **again)
    assert same(whole, resumed)
    moved = shutil.copy(old, tmp_path / "moved.ckpt")
    fit(resumed, new_data(), keep(moved), RandomState(), **again)
    assert same(whole, resumed)
    other = saved(tmp_path / "other.ckpt", seed=2)
    with pytest.raises(InputError, match=r"other.ckpt is not the checkpoint that this run started"):
        fit(resumed, new_data(), keep(str(other)), RandomState(), **again)
    with pytest.raises(InputError, match=r"there is no checkpoint .*gone.ckpt, which is needed"):
        fit(resumed, new_data(), keep(str(tmp_path / "gone.ckpt")), RandomState(), **again)


class RandomNumbers(Callback):
    """Keeps the state of random numbers at the start of training."""

    def on_fit_start(self, *_: Any) -> None:
        self.state = torch.get_rng_state()


class Drawing(TinyData):
    """Draws a random number for each look at it, as loaders of other libraries do."""

    def test_dataloader(self) -> Any:
        torch.rand(1)
        return super().test_dataloader()


def test_the_old_metrics_are_of_tasks_with_labels(old: Path, teacher: MultiTask) -> None:
    changed = {"val": {"size": NONE[1]}, "test": {"kind": NONE[0]}}
    callback, data = keep(str(old)), Drawing(changed)
    random = [RandomNumbers(), RandomNumbers()]
    around = random[0], callback, random[1]
    trainer = fit(tiny_model(), data, *around, max_steps=1, limit_val_batches=1.0)
    # Training draws what it would have drawn without.
    assert torch.equal(random[0].state, random[1].state)
    assert {"/".join(name.split("/")[:3]) for name in callback.before} == {
        "before/val/kind",
        "before/test/size",
    }
    samples = data.splits["test"]
    size = teacher.predict(samples.images(torch.arange(24)).double())["size"][:, 0]
    known = samples.targets["size"].isfinite()  # type: ignore[union-attr]
    truth = (size - samples.targets["size"])[known].abs().mean()  # type: ignore[operator]
    assert callback.before["before/test/size/mae"] == pytest.approx(float(truth), rel=1e-5)
    assert float(trainer.callback_metrics["before/test/size/mae"]) == pytest.approx(float(truth))


def test_data_that_lack_the_old_tasks_get_them_without_labels(old: Path) -> None:
    lack = {
        split: {"kind": None, "size": None, "mass": torch.rand(24)}
        for split in ("train", "val", "test")
    }
    model, callback = new_model(), keep(str(old))
    trainer = fit(model, TinyData(lack), callback, limit_val_batches=1.0)
    assert callback.before == {}
    # To test, no old run is needed.
    fresh = TinyData(lack)
    callback.checkpoint = "gone.ckpt"
    (found,) = trainer.test(model, fresh, verbose=False)
    assert {name.split("/")[1] for name in found} == {"mass", "score"}


class Maps(Encoder):
    """A map of four features, as fine as the images."""

    form = forms.Maps([4], [1])

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 4, 1)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [self.layer(image)]


def test_maps_that_the_data_lack(tmp_path: Path) -> None:
    def model(**more: Any) -> MultiTask:
        return tiny_model(encoder=Maps(), tasks={"map": Segmentation(3), **more})

    path = saved(tmp_path / "maps.ckpt", model())
    with pytest.raises(InputError, match=r"give --trust, or trust=True"):
        fit(model(mass=Regression()), new_data(), keep(str(path)))
    watch, kept = Watch(), keep(str(path), trust=True)
    fit(model(mass=Regression()), new_data(), kept, watch)
    assert watch.batches[0]["map"].shape == (8, 4, 4)


def test_outputs_of_several_tensors_travel_in_the_batch() -> None:
    parts = {"a": torch.ones(4, 2), "b": torch.zeros(4)}
    batch = entries({"boxes": parts, "kind": torch.ones(4, 3)}, ["boxes", "kind"])

    class Boxes(Regression):
        def distance(self, output: Any, kept: Any, temperature: float) -> Tensor:
            return (output["a"] - kept["a"]).abs().sum(1) + (output["b"] - kept["b"]).abs()

    outputs = {"boxes": {"a": torch.zeros(4, 2), "b": torch.ones(4)}}
    found = KeptOutputs(["boxes"], 2.0, 1.0).totals({"boxes": Boxes()}, outputs, batch)
    assert found is not None
    assert found[:, 0].tolist() == [24, 4]


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a weight of 0": (lambda old: keep(str(old), weight=0), "weight is 0; give a number above 0"),
    "a negative temperature": (
        lambda old: keep(str(old), temperature=-1.0),
        "temperature is -1.0; give a number above 0",
    ),
    "no task": (lambda old: keep(str(old), tasks=[]), r"tasks is \[\]; name at least one"),
    "a task that it has not": (
        lambda old: keep(str(old), tasks=["kinds"]),
        r"has no task 'kinds'; did you mean 'kind'\?",
    ),
    "a folder": (lambda old: keep(str(old.parent)), "neither the folder of a run nor one for"),
    "a name that is near": (
        lambda old: keep(str(old.with_name("bets.ckpt"))),
        r"there is no checkpoint .*bets.ckpt.*did you mean .*best.ckpt'\?",
    ),
}


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_refuses(make: Callable[[Path], KeepTasks], words: str, old: Path) -> None:
    with pytest.raises(InputError, match=f"KeepTasks: .*{words}"):
        make(old).prepare(new_model(), new_data(), is_training=True)


TASKS: dict[str, tuple[dict[str, Any], str]] = {
    "lacks one": (
        {"kind": Classification(3), "mass": Regression()},
        "the model has no task 'size'",
    ),
    "another kind": (
        {"kind": Classification(3), "size": GaussianRegression()},
        "task 'size' is a different one in .*: it was a Regression",
    ),
    "more classes": (
        {"kind": Classification(4), "size": Regression()},
        "task 'kind' is a different one",
    ),
    "another scale": (
        {"kind": Classification(3), "size": Regression(scale="none")},
        "its scale was element; configure it as before, or rename it",
    ),
    "only readers": (
        {
            "kind": Classification(3, teaches=0),
            "size": Regression(weight=0),
            "mass": Regression(),
        },
        "teaches or weight is 0 for 'kind' and 'size', so nothing keeps the encoder as it was",
    ),
}


@pytest.mark.parametrize(("tasks", "words"), TASKS.values(), ids=TASKS)
def test_refuses_tasks_that_are_others(tasks: dict[str, Any], words: str, old: Path) -> None:
    with pytest.raises(InputError, match=f"KeepTasks: .*{words}"):
        keep(str(old)).prepare(new_model(tasks=tasks), new_data(), is_training=True)


def test_refuses_what_cannot_be_compared(tmp_path: Path, old: Path) -> None:
    toy = saved(
        tmp_path / "toy.ckpt", tiny_model(encoder=MLP(16, [], 2), tasks={"a": ToyObjective()})
    )
    tasks = {"a": ToyObjective(), "mass": Regression()}
    data = new_data()
    data.setup()
    for samples in data.splits.values():
        samples.targets["a"] = torch.zeros(24)
    with pytest.raises(InputError, match="'a' is a ToyObjective, which has no distance"):
        fit(new_model(encoder=MLP(16, [], 2), tasks=tasks), data, keep(str(toy)))
    broken = tiny_model(tasks=old_tasks())
    broken.encoder.layers[1].weight.data.fill_(torch.nan)
    path = saved(tmp_path / "nan.ckpt", broken)
    with pytest.raises(InputError, match="outputs of task 'kind' that are not finite"):
        fit(new_model(), new_data(), keep(str(path)))


def test_refuses_inputs_that_are_others(old: Path) -> None:
    data = new_data(images=torch.rand(24, 3, 4, 4))
    with pytest.raises(
        InputError, match=r"best.ckpt does not accept the data's image of shape \(3, 4, 4\)"
    ):
        fit(new_model(encoder=MLP(48, [], 8)), data, keep(str(old)))


def test_an_affinity_that_would_not_see_it_is_refused(old: Path) -> None:
    with pytest.raises(InputError, match="KeepTasks must come before TaskAffinity"):
        fit(new_model(), new_data(), TaskAffinity(), keep(str(old)))


def test_two_old_runs(old: Path, tmp_path: Path) -> None:
    other = saved(tmp_path / "other.ckpt", tiny_model(tasks={"mass": Regression()}))
    watch, both = Watch(), (keep(str(old), tasks=["kind"]), keep(str(other), tasks=["mass"]))
    fit(new_model(), new_data(labels=True), *both, watch)
    assert {"@kept/kind", "@kept/mass"} <= watch.batches[0].keys()
    twice = keep(str(old), tasks=["kind"]), keep(str(old), tasks=["size", "kind"])
    with pytest.raises(InputError, match="two KeepTasks keep the task 'kind'"):
        fit(new_model(), new_data(), *twice)


def test_refuses_other_transforms(tmp_path: Path) -> None:
    def normalised(deviation: float, told: dict[str, Any]) -> TinyData:
        data = new_data(transforms=[v2.Normalize([0.5], [deviation])])
        settings = {"mean": [0.5], "std": [deviation], **told}
        data.recipe_of_transforms = [
            {"class_path": "torchvision.transforms.v2.Normalize", "init_args": settings}
        ]
        data.setup()
        return data

    model, before = tiny_model(tasks=old_tasks()), normalised(0.25, {"inplace": False})
    model.description = describe(model.named_tasks, before)
    path = saved(tmp_path / "normalised.ckpt", model)
    keep(str(path)).prepare(new_model(), normalised(0.25, {}), is_training=True)
    with pytest.raises(InputError, match=r"normalised.ckpt had different transforms from the data"):
        keep(str(path)).prepare(new_model(), normalised(0.5, {}), is_training=True)
