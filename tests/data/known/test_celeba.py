"""CelebA: its own partition, 40 attributes and landmarks that follow the resizing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_public_sets import ATTRIBUTES, face_landmarks, write_celeba
from torch.testing import assert_close

from multitask.data.known import CelebA
from multitask.data.split_check import SPLITS
from multitask.errors import InputError
from multitask.tasks import Classification
from multitask.tasks.naming import check_names

MIRROR = torch.tensor([[[-1.0, 0, 22], [0, 1, 0]]])
SIZE = torch.tensor([[27.0, 22.0]])


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CelebA:
    """Faces of half their size."""
    write_celeba(tmp_path, monkeypatch)
    data = CelebA(root=tmp_path, cache_folder=tmp_path / "cache", image_size=[27, 22])
    data.setup()
    return data


def test_the_sets_own_partition_with_its_names(data: CelebA) -> None:
    for place, split in enumerate(SPLITS):
        faces = range(place, 24, 3)
        assert data.names(split) == [f"{face + 1:06d}.jpg" for face in faces]
        images = data.splits[split].images(torch.arange(8))
        assert images.shape == (8, 3, 27, 22)
        assert_close(images[:, 0, 0, 0].float(), torch.tensor([*faces]).float(), atol=2, rtol=0)


def test_attributes_are_tasks_by_valid_names(data: CelebA) -> None:
    names = [name for name in data.targets("train") if name != "landmarks"]
    assert names == ["Five_o_Clock_Shadow", *ATTRIBUTES[1:]]
    check_names({name: Classification(2) for name in names})
    for first, split in enumerate(SPLITS):
        for place, name in enumerate(names):
            expected = [int((face + place) % 3 == 0) for face in range(first, 24, 3)]
            assert data.targets(split)[name].tolist() == expected


def test_landmarks_follow_the_resizing(data: CelebA) -> None:
    expected = torch.tensor([face_landmarks(face) for face in range(1, 24, 3)]) / 2
    assert_close(data.targets("val")["landmarks"], expected)


def test_left_and_right_change_places_in_a_mirror(data: CelebA) -> None:
    points = torch.tensor([[5.0, 10, 15, 11, 10, 15, 6, 20, 14, 21]])
    mirrored = data.geometry["landmarks"].follow(points, MIRROR, SIZE, SIZE)
    assert mirrored.tolist() == [[7, 11, 17, 10, 12, 15, 8, 21, 16, 20]]


def test_a_missing_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="CelebA is not in .*download to true"):
        CelebA(root=tmp_path).setup()
