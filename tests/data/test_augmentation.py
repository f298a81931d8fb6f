"""Augmented training batches: the same however they are made, and refused where they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torchvision.transforms import v2

from multitask import MultiTask
from multitask.augmentation import (
    Augmentation,
    ColorJitter,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
)
from multitask.data import DataModule
from multitask.data.dataset import Batch
from multitask.errors import InputError
from multitask.geometry import Angle, Geometry, Length, Positions, Unchanged

TinyData = Callable[..., DataModule]


def augmented(tiny_data: TinyData, **options: Any) -> DataModule:
    parts = [RandomCrop(1), RandomHorizontalFlip(), RandomAffine(20), ColorJitter(0.3)]
    defaults: dict[str, Any] = {"augmentations": parts, "geometry": {"size": Length()}}
    data = tiny_data(**(defaults | options))
    data.setup()
    return data


def epoch(data: DataModule, number: int = 0) -> list[Batch]:
    loader = data.train_dataloader()
    loader.sampler.set_epoch(number)
    return [data.on_after_batch_transfer(batch, 0) for batch in loader]


def joined(batches: list[Batch]) -> Batch:
    return {name: torch.cat([each[name] for each in batches]) for name in batches[0]}


def same(one: Batch, two: Batch) -> None:
    assert one.keys() == two.keys()
    for name, values in one.items():
        torch.testing.assert_close(values, two[name], atol=0, rtol=0, equal_nan=True, msg=name)


@pytest.mark.parametrize("options", [{}, {"labelled_per_batch": 3, "labelled_task": "kind"}])
def test_two_processes_share_what_one_has(tiny_data: TinyData, options: dict[str, Any]) -> None:
    whole = augmented(tiny_data, **options)
    parts = []
    for rank in range(2):
        part = augmented(tiny_data, **options)
        part.trainer = SimpleNamespace(  # type: ignore[assignment]
            global_rank=rank,
            world_size=2,
            lightning_module=None,
            strategy=SimpleNamespace(root_device=torch.device("cpu")),
        )
        parts.append(part)
    for number in (0, 3):
        found = [joined(list(pair)) for pair in zip(*(epoch(p, number) for p in parts))]  # noqa: B905
        expected = epoch(whole, number)
        assert len(found) == len(expected)
        for one, two in zip(found, expected, strict=True):
            same(one, two)


def test_places_count_the_samples_of_a_run(tiny_data: TinyData) -> None:
    data = augmented(tiny_data, batch_size=7)
    places = [joined(epoch(data, number))["@place"].tolist() for number in range(3)]
    # 3 full batches of 7 make an epoch.
    assert places == [list(range(21 * number, 21 * number + 21)) for number in range(3)]


def test_a_target_may_be_called_place(tiny_data: TinyData) -> None:
    places = torch.arange(24.0)
    data = augmented(
        tiny_data,
        changed={"train": {"place": places}},
        geometry={"size": Length(), "place": Unchanged()},
    )
    found = joined(epoch(data))
    assert torch.equal(found["place"], places[found["index"]])


def test_any_number_of_workers_makes_the_same(tiny_data: TinyData) -> None:
    found = (augmented(tiny_data, num_workers=number) for number in (0, 2))
    for one, two in zip(*map(epoch, found), strict=True):
        same(one, two)


def test_epochs_seeds_and_samples_differ(tiny_data: TinyData) -> None:
    picture = torch.rand(1, 1, 4, 4).expand(24, 1, 4, 4)
    data = augmented(tiny_data, images=picture)
    other = augmented(tiny_data, images=picture, seed=1)
    images = [joined(epoch(data, n))["image"] for n in (0, 1, 0)]
    assert torch.equal(images[0], images[2])
    everything = torch.cat([*images[:2], joined(epoch(other))["image"]]).flatten(1)
    assert len(everything.unique(dim=0)) == 72


def test_only_training_images_change(tiny_data: TinyData) -> None:
    data = augmented(tiny_data)
    for loader in (data.val_dataloader(), data.test_dataloader(), data.predict_dataloader()):
        for batch in loader:
            same(data.on_after_batch_transfer(batch, 0), batch)
    batch = next(iter(data.train_dataloader()))
    found = data.on_after_batch_transfer(batch, 0)
    assert not torch.equal(found["image"], batch["image"])
    assert torch.equal(found["kind"], batch["kind"])


def test_bytes_are_augmented_before_they_become_floats_and_are_transformed(
    tiny_data: TinyData,
) -> None:
    images = torch.randint(256, (24, 1, 4, 4), dtype=torch.uint8)
    data = augmented(tiny_data, images=images, augmentations=[RandomErasing(1, (1, 1), fill=1)],
                     transforms=[v2.Normalize([0.5], [0.5])])  # fmt: skip
    found = joined(epoch(data))["image"]
    assert found.dtype == torch.float32
    assert int((found == 1).sum()) >= 24


class Kept(Callback):
    """Keeps the training batches as the model gets them."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def on_train_batch_start(self, *arguments: Any) -> None:
        self.batches.append(arguments[2])


def test_a_resumed_training_has_the_same_batches(
    tiny_data: TinyData,
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    tmp_path: Path,
) -> None:
    def run(**options: Any) -> list[Batch]:
        kept = Kept()
        every = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=1, save_top_k=-1)
        callbacks = [kept, every]
        made = trainer(max_epochs=3, callbacks=callbacks, enable_checkpointing=True,
                       limit_val_batches=0)  # fmt: skip
        made.fit(tiny_model(), augmented(tiny_data), **options)
        return kept.batches

    whole = run()
    assert len(whole) == 9
    # In the middle of the second epoch.
    resumed = run(ckpt_path=tmp_path / "step=4.ckpt", weights_only=True)
    assert len(resumed) == 5
    for one, two in zip(whole[4:], resumed, strict=True):
        same(one, two)


def test_a_target_that_may_have_to_follow_needs_a_word(tiny_data: TinyData) -> None:
    options: dict[str, Any] = {"geometry": None}
    with pytest.raises(InputError, match=r"data.geometry.size is missing.*Unchanged"):
        augmented(tiny_data, **options).train_dataloader()
    said = augmented(tiny_data, geometry={"size": Unchanged()})
    assert len(epoch(said)) == 3
    # Evaluation needs none, nor do augmentations that move nothing.
    assert len(augmented(tiny_data, **options).val_dataloader()) == 3
    fixed = [ColorJitter(0.2), RandomErasing()]
    assert len(epoch(augmented(tiny_data, **options, augmentations=fixed))) == 3


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        ({"sise": Length()}, r"data.geometry.sise: .*no target 'sise'; did you mean 'size'"),
        ({"kind": Unchanged()}, r"data.geometry.kind: 'kind' contains class numbers"),
        ({"size": "Length"}, r"data.geometry.size is 'Length'; give a multitask.geometry"),
        ({"size": Positions()}, r"data.geometry.size: Positions are pairs"),
    ],
)
def test_a_way_to_follow_that_cannot_be_is_refused(
    geometry: dict[str, Any], message: str, tiny_data: TinyData
) -> None:
    with pytest.raises(InputError, match=message):
        augmented(tiny_data, geometry=geometry).train_dataloader()


def test_what_is_given_comes_before_what_the_data_set_says(tiny_data: TinyData) -> None:
    class Own(tiny_data):  # type: ignore[valid-type, misc]
        def own_geometry(self) -> dict[str, Geometry]:
            return {"size": Length(), "unused": Angle()}

    data = Own()
    assert isinstance(data.geometry["size"], Length)
    assert isinstance(Own(geometry={"size": Unchanged()}).geometry["size"], Unchanged)
    assert len(epoch(augmented(Own, geometry=None))) == 3


class Loose(Augmentation):
    """Refuses what it is given."""

    draws, moves = 1, False

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        raise InputError("these images do not fit")


def test_what_cannot_work_is_told_before_training(tiny_data: TinyData) -> None:
    with pytest.raises(InputError, match="these images do not fit"):
        augmented(tiny_data, augmentations=[Loose()]).train_dataloader()


@pytest.mark.parametrize("module", [v2.RandomCrop(4), nn.Dropout()], ids=["crop", "dropout"])
def test_other_modules_are_no_augmentations(module: nn.Module, tiny_data: TinyData) -> None:
    with pytest.raises(InputError, match=f"augmentations: {type(module).__name__} is no"):
        tiny_data(augmentations=[module])


def test_random_transforms_are_sent_to_the_augmentations(tiny_data: TinyData) -> None:
    with pytest.raises(InputError, match=r"augmentations .*multitask.augmentation.RandomCrop"):
        tiny_data(transforms=[v2.RandomCrop(4)])
