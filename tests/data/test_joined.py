"""Samples of several sources as one split."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.joined import Joined, common_kinds, joined_targets
from multitask.errors import InputError

BYTES = torch.arange(3 * 4).view(3, 1, 2, 2).to(torch.uint8)
FLOATS = -torch.arange(2 * 4).view(2, 1, 2, 2).float()
MISSING = float("nan")

Splits = dict[str, BatchDataset]


class Selective(InMemory):
    """Refuses to read no image."""

    def images(self, indices: Tensor) -> Tensor:
        assert len(indices)
        return super().images(indices)


def sources(one: dict[str, Tensor], two: dict[str, Tensor]) -> dict[str, Splits]:
    """Of 3 samples and of 2, in a single split."""
    return {"one": {"train": InMemory(BYTES, one)}, "two": {"train": InMemory(FLOATS, two)}}


def joined(*images: Tensor) -> Joined:
    splits = {str(place): {"train": Selective(each, {})} for place, each in enumerate(images)}
    parts = [each["train"] for each in splits.values()]
    return Joined(parts, joined_targets(splits)["train"], common_kinds(splits))


def test_a_batch_is_read_from_its_samples_sources_in_its_own_order() -> None:
    data = joined(FLOATS, FLOATS + 100, FLOATS + 200)
    assert len(data) == 6
    indices = torch.tensor([5, 0, 2, 4, 1, 2])
    batch = data[indices]
    whole = torch.cat([FLOATS, FLOATS + 100, FLOATS + 200])
    assert torch.equal(batch["image"], whole[indices])
    assert batch["@source"].tolist() == [2, 0, 1, 2, 0, 1]
    assert batch["@source"].dtype == torch.int64
    assert torch.equal(batch["index"], indices)


def test_inputs_are_joined_by_name() -> None:
    numbers, tokens = torch.rand(5, 4), torch.arange(10).view(5, 2)
    parts = {
        name: {"train": InMemory({"numbers": numbers[rows], "tokens": tokens[rows]}, {})}
        for name, rows in (("one", slice(3)), ("two", slice(3, 5)))
    }
    data = Joined([each["train"] for each in parts.values()], {}, common_kinds(parts))
    indices = torch.tensor([4, 0, 3])
    batch = data[indices]
    assert set(batch) == {"numbers", "tokens", "index", "@source"}
    assert torch.equal(batch["numbers"], numbers[indices])
    assert torch.equal(batch["tokens"], tokens[indices])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"image": BYTES},
            "inputs of source 'one'.* are numbers, but those of source 'two'.* image",
        ),
        ({"numbers": torch.rand(3, 5)}, r"inputs 'numbers' of .* \[4\], but those of .* \[5\]"),
        ({"numbers": torch.ones(3, 4).long()}, "float32, but those of .* torch.int64; .*integers"),
    ],
)
def test_sources_with_other_inputs_are_refused(other: dict[str, Tensor], message: str) -> None:
    one = InMemory({"numbers": torch.rand(3, 4)}, {})
    with pytest.raises(InputError, match=message):
        common_kinds({"one": {"train": one}, "two": {"train": InMemory(other, {})}})


def test_stored_targets_stay_where_they_are_and_bytes_can_be_missing() -> None:
    class Stored:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, indices: Tensor) -> Tensor:
            return indices.byte().view(-1, 1, 1).expand(-1, 2, 2)

    parts = sources({"mask": Stored()}, {})  # type: ignore[dict-item]
    mask = joined_targets(parts)["train"]["mask"]
    assert len(mask) == 5
    found = mask[torch.tensor([4, 1, 2])]
    assert found.dtype == torch.uint8
    assert found[:, 0, 0].tolist() == [255, 1, 2]


def test_an_empty_share_has_the_images_shape() -> None:
    batch = joined(FLOATS, FLOATS)[torch.arange(0)]
    assert batch["image"].shape == (0, 1, 2, 2)
    assert batch["@source"].shape == (0,)


def test_bytes_stay_bytes_among_themselves() -> None:
    batch = joined(BYTES, BYTES + 100)[torch.tensor([3, 0])]
    assert batch["image"].dtype == torch.uint8
    assert torch.equal(batch["image"], torch.stack([BYTES[0] + 100, BYTES[0]]))


@pytest.mark.parametrize("rows", [[0, 1], [3, 4], [4, 0]])
def test_bytes_beside_floats_are_from_0_to_1_in_every_batch(rows: list[int]) -> None:
    images = joined(BYTES, FLOATS)[torch.tensor(rows)]["image"]
    assert images.dtype == torch.float32
    assert torch.equal(images, torch.cat([BYTES / 255, FLOATS])[rows])


def test_a_source_without_a_task_has_none_of_its_labels() -> None:
    one = {"kind": torch.tensor([0, 1, -100]), "pair": torch.ones(3, 2, dtype=torch.float64)}
    two = {"size": torch.tensor([1.0, 2.0])}
    found = joined_targets(sources(one, two))["train"]
    assert list(found) == ["kind", "pair", "size"]
    assert found["kind"].tolist() == [0, 1, -100, -100, -100]
    assert found["size"].isnan().tolist() == [True] * 3 + [False] * 2
    assert found["size"][3:].tolist() == [1.0, 2.0]
    assert found["pair"].dtype == torch.float64
    assert found["pair"].isnan().tolist() == [[False] * 2] * 3 + [[True] * 2] * 2


def test_a_task_may_be_known_in_one_split_alone() -> None:
    one: Splits = {
        "train": InMemory(BYTES, {"kind": torch.arange(3)}),
        "val": InMemory(BYTES, {}),
    }
    assert joined_targets({"one": one})["val"]["kind"].tolist() == [-100] * 3


@pytest.mark.parametrize(
    ("one", "two", "message"),
    [
        (
            torch.ones(3),
            torch.ones(2, dtype=torch.int64),
            "task 'a' is float32 in source 'one' and int64 in source 'two'",
        ),
        (
            torch.ones(3, 4),
            torch.ones(2, 5),
            r"float32 of shape \[4\] in source 'one' and float32 of shape \[5\] in source 'two'",
        ),
        (torch.ones(3, 1), torch.ones(2), r"float32 of shape \[1\] .* and float32 in source 'two'"),
    ],
)
def test_sources_that_disagree_about_a_task_are_refused(
    one: Tensor, two: Tensor, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        joined_targets(sources({"a": one}, {"a": two}))


def test_targets_that_cannot_be_missing_are_refused() -> None:
    with pytest.raises(InputError, match=r"task 'a' .* torch.bool cannot be marked .* int64"):
        joined_targets(sources({"a": torch.ones(3).bool()}, {}))


def test_images_of_two_shapes_are_refused() -> None:
    other = {"train": InMemory(torch.ones(2, 3, 2, 2), {})}
    message = r"source 'one'.* \[1, 2, 2\], but those of source 'rgb', .* \[3, 2, 2\].*image_size"
    with pytest.raises(InputError, match=message):
        common_kinds({"one": {"train": InMemory(BYTES, {})}, "rgb": other})
