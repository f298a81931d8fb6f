"""DataModule: what a batch goes through, and settings that cannot be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn
from torchvision.transforms import v2

from multitask import MultiTask
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.runs.preflight import check

TinyData = Callable[..., DataModule]


class Doubled(nn.Module):
    """Remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.shapes.append(tuple(images.shape))
        return 2 * images


class Batches(Callback):
    """Keeps the training batches as the model gets them."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Tensor]] = []

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        self.seen.append(batch)


def ready(data: DataModule) -> DataModule:
    data.setup()
    return data


def test_uint8_images_become_floats_from_0_to_1(tiny_data: TinyData) -> None:
    image = torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1)
    batch = tiny_data().on_after_batch_transfer({"image": image, "kind": torch.ones(3)}, 0)
    assert batch["image"].flatten().tolist() == pytest.approx([0, 0.2, 1])
    assert batch["kind"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("32-true", torch.float32), ("64-true", torch.float64), ("bf16-true", torch.bfloat16)],
)
def test_uint8_images_become_what_the_model_computes_with(
    precision: str,
    dtype: torch.dtype,
    tiny_data: TinyData,
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> None:
    data = tiny_data(images=torch.full((24, 1, 4, 4), 51, dtype=torch.uint8))
    batches = Batches()
    trainer(precision=precision, callbacks=[batches]).fit(tiny_model(), data)
    image = batches.seen[0]["image"]
    assert image.dtype == dtype
    torch.testing.assert_close(image, torch.full_like(image, 0.2))


def test_floating_images_stay_as_they_are(tiny_data: TinyData) -> None:
    image = torch.full((2, 1, 4, 4), 200.0)
    assert torch.equal(tiny_data().on_after_batch_transfer({"image": image}, 0)["image"], image)


def test_transforms_see_scaled_whole_batches_once(
    tiny_data: TinyData,
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> None:
    images = torch.arange(24 * 16).remainder(256).view(24, 1, 4, 4).to(torch.uint8)
    transform, batches = Doubled(), Batches()
    data = tiny_data(images=images, transforms=[transform])
    trainer(callbacks=[batches], limit_val_batches=0).fit(tiny_model(), data)
    assert transform.shapes == [(8, 1, 4, 4)] * 3
    for batch in batches.seen:
        torch.testing.assert_close(batch["image"], images[batch["index"]] / 127.5)


def test_transforms_act_in_their_order(tiny_data: TinyData) -> None:
    data = tiny_data(transforms=[v2.Normalize([1.0], [0.5]), Doubled()])
    batch = data.on_after_batch_transfer({"image": torch.full((2, 1, 4, 4), 2.0)}, 0)
    assert torch.equal(batch["image"], torch.full((2, 1, 4, 4), 4.0))


@pytest.mark.parametrize(
    "transform",
    [
        v2.RandomHorizontalFlip(),
        v2.RandomRotation(10),
        v2.RandAugment(),
        v2.TrivialAugmentWide(),
        v2.AutoAugment(),
        v2.AugMix(),
        v2.ColorJitter(0.5),
        v2.ElasticTransform(),
        v2.Compose([v2.RandomErasing()]),
        nn.Sequential(v2.RandomCrop(4)),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_random_transforms_are_refused(transform: nn.Module, tiny_data: TinyData) -> None:
    with pytest.raises(InputError, match=r"transforms: .* same random parameters"):
        tiny_data(transforms=[v2.Normalize([0.5], [0.5]), transform])


@pytest.mark.parametrize("batch_size", [0, -3])
def test_batch_size_must_be_positive(batch_size: int, tiny_data: TinyData) -> None:
    with pytest.raises(InputError, match=f"batch_size is {batch_size}; give at least 1"):
        tiny_data(batch_size=batch_size)


def test_batch_size_above_the_training_samples_is_refused(tiny_data: TinyData) -> None:
    assert len(ready(tiny_data(batch_size=24)).train_dataloader()) == 1
    with pytest.raises(InputError, match=r"batch_size is 25.*only 24 .*set it to 24 or less"):
        ready(tiny_data(batch_size=25)).train_dataloader()
    # Validation takes what there is.
    assert len(ready(tiny_data(batch_size=25)).val_dataloader()) == 1


def test_loaders_give_the_splits(tiny_data: TinyData) -> None:
    data = ready(tiny_data(batch_size=7))
    loaders = {
        "train": data.train_dataloader(),
        "val": data.val_dataloader(),
        "test": data.test_dataloader(),
    }
    for split, loader in loaders.items():
        batches = list(loader)
        assert [len(batch["index"]) for batch in batches] == [7, 7, 7, 3][: len(loader)]
        assert len(batches) == (3 if split == "train" else 4)
        for batch in batches:
            torch.testing.assert_close(
                batch["size"], data.targets(split)["size"][batch["index"]], equal_nan=True
            )
    predicted = torch.cat([batch["image"] for batch in data.predict_dataloader()])
    assert torch.equal(predicted, data.splits["test"].images(torch.arange(24)))


def test_data_are_loaded_once(tiny_data: TinyData) -> None:
    data = ready(tiny_data())
    splits = data.splits
    data.setup("fit")
    data.targets("val")
    assert data.splits is splits


def test_fixed_number_of_labelled_samples(tiny_data: TinyData) -> None:
    data = ready(tiny_data(labelled_per_batch=3, labelled_task="kind"))
    known = [int((batch["kind"] >= 0).sum()) for batch in data.train_dataloader()]
    assert known == [3, 3, 3]


def test_floating_and_vector_targets_count_as_labelled_where_any_is_known(
    tiny_data: TinyData,
) -> None:
    vectors = torch.full((24, 2), float("nan"))
    vectors[:6, 0] = vectors[6:8] = 1.0
    data = ready(
        tiny_data({"train": {"vector": vectors}}, labelled_per_batch=4, labelled_task="vector")
    )
    batches = list(data.train_dataloader())
    assert len(batches) == 4
    for batch in batches:
        assert int((batch["index"] < 8).sum()) == 4
    data = ready(tiny_data(labelled_per_batch=2, labelled_task="size"))
    for batch in data.train_dataloader():
        assert int(batch["size"].isfinite().sum()) == 2


@pytest.mark.parametrize(
    ("labelled_task", "message"),
    [
        (None, "labelled_task is None; .*the name of the task"),
        ("kinds", "labelled_task is 'kinds'.*did you mean 'kind'"),
        ("colour", "labelled_task is 'colour'.*choose from 'kind', 'size'"),
    ],
)
def test_labelled_task_must_be_a_task_of_the_data(
    labelled_task: str | None, message: str, tiny_data: TinyData
) -> None:
    data = ready(tiny_data(labelled_per_batch=2, labelled_task=labelled_task))
    with pytest.raises(InputError, match=message):
        data.train_dataloader()


@pytest.mark.parametrize(
    ("variable", "given", "seed"), [(None, None, 0), ("17", None, 17), ("17", 3, 3), ("17", 0, 0)]
)
def test_seed_is_the_runs_where_not_given(
    variable: str | None,
    given: int | None,
    seed: int,
    tiny_data: TinyData,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if variable:
        monkeypatch.setenv("PL_GLOBAL_SEED", variable)
    data = ready(tiny_data(seed=given))
    assert data.seed == seed
    order = torch.cat([batch["index"] for batch in data.train_dataloader()])
    same = torch.cat([batch["index"] for batch in ready(tiny_data(seed=seed)).train_dataloader()])
    assert torch.equal(order, same)


def test_it_works_without_a_trainer(tiny_data: TinyData) -> None:
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader", "predict_dataloader"):
        assert len(getattr(tiny_data(), loader)()) == 3
    assert len(tiny_data().augmented(torch.arange(5))["image"]) == 5


@pytest.mark.parametrize("precision", ["32-true", "64-true", "bf16-mixed"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_floating_images_and_targets_of_any_dtype_are_trained_on(
    precision: str,
    dtype: torch.dtype,
    tiny_data: TinyData,
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> None:
    sizes = (100 + torch.rand(24)).to(dtype)
    changed = {split: {"size": sizes} for split in ("train", "val", "test")}
    data = tiny_data(images=torch.rand(24, 1, 4, 4).to(dtype), changed=changed)
    model = tiny_model()
    check("fit", model, data, None)
    trainer(precision=precision).fit(model, data)


def test_each_process_needs_a_sample_of_every_batch(tiny_data: TinyData) -> None:
    data = tiny_data()
    data.refuse_idle_processes(data.batch_size)
    with pytest.raises(InputError, match="9 processes share each batch, but batch_size is 8"):
        data.refuse_idle_processes(9)
