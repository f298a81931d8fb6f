"""The embedded scenes: every target says what was drawn."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from multitask.data import Scenes
from multitask.data.scenes import TASKS
from multitask.errors import InputError


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    found = Scenes(batch_size=8, seed=0, labels={"digit": 0.25, "depth": 0.5, "tilt": 0.5})
    found.setup()
    return found


@pytest.fixture(scope="module")
def targets(scenes: Scenes) -> dict[str, Tensor]:
    return scenes.targets("test")


def inside(corners: Tensor) -> Tensor:
    """Which pixels lie in each square ``[samples, 8]``; mask ``[samples, 48, 48]``."""
    points = corners.view(-1, 4, 1, 1, 2)
    places = torch.arange(48) + 0.5
    x, y = torch.meshgrid(places, places, indexing="xy")
    next_points = points.roll(-1, 1)
    along = next_points - points
    side = along[..., 0] * (y - points[..., 1]) - along[..., 1] * (x - points[..., 0])
    return (side >= 0).all(1)


def test_the_nearest_card_is_seen_whole_where_its_corners_are(targets: dict[str, Tensor]) -> None:
    there = targets["digit"] >= 0
    mask = inside(targets["corners"][there])
    seen = targets["classes"][there] == (targets["digit"][there] + 1)[:, None, None]
    assert (seen | ~mask).float().mean() == 1
    assert mask.sum() > 100 * len(mask)


def test_boxes_bound_the_cards(targets: dict[str, Tensor]) -> None:
    there = targets["digit"] >= 0
    corners = targets["corners"][there].view(-1, 4, 2)
    expected = torch.cat([corners.amin(1), corners.amax(1)], 1)
    assert torch.equal(targets["box"][there], expected)
    assert torch.equal(targets["boxes"][there][:, 0, 1:], expected.clamp(0, 48))
    is_box = targets["boxes"][:, :, 0] >= 0
    assert torch.equal(is_box.sum(1).float(), targets["count"])
    numbers = targets["boxes"][:, :, 0].long()
    for sample in range(50):
        shown = set(numbers[sample][is_box[sample]].tolist())
        assert shown == set(targets["present"][sample].nonzero().flatten().tolist())


def test_angles_are_those_of_the_upper_edge(targets: dict[str, Tensor]) -> None:
    there = targets["digit"] >= 0
    left, right = targets["corners"][there].view(-1, 4, 2)[:, :2].unbind(1)
    along = right - left
    found = torch.rad2deg(torch.atan2(along[:, 1], along[:, 0]))
    off = (found - targets["angle"][there] + 180).remainder(360) - 180
    assert off.abs().max() < 1e-3
    side = along.norm(dim=1)
    assert torch.equal(((side - 14) / 2 + 1e-6).long().clamp(0, 4), targets["size"][there])


def test_maps_agree_with_one_another(targets: dict[str, Tensor]) -> None:
    wall = targets["classes"] == 0
    assert (targets["depth"][wall] == 3.5).all()
    assert (targets["depth"][~wall] < 3).all()
    normals = targets["normals"]
    assert torch.allclose(normals.norm(dim=1), torch.ones_like(targets["depth"]), atol=1e-6)
    # Depth falls along a card as its normal says.
    one_card = (targets["edges"] == 0) & ~wall
    for axis, channel in ((2, 0), (1, 1)):
        pair = one_card.narrow(axis, 1, 47) & one_card.narrow(axis, 0, 47)
        step = targets["depth"].diff(dim=axis)[pair]
        slope = 0.01 * (normals[:, channel] / normals[:, 2]).narrow(axis, 1, 47)[pair]
        assert (step - slope).abs().max() < 1e-5
    there = targets["digit"] >= 0
    nearest = targets["depth"][there].flatten(1).argmin(1)
    z = normals[there][:, 2].flatten(1).gather(1, nearest.unsqueeze(1)).squeeze(1)
    assert (torch.rad2deg(z.acos()) - targets["tilt"][there]).abs().max() < 0.1


def test_a_scene_without_cards_misses_what_is_of_the_nearest(targets: dict[str, Tensor]) -> None:
    empty = targets["digit"] == -100
    assert 50 < empty.sum() < 200
    for task in ("angle", "tilt", "box", "corners"):
        assert torch.equal(targets[task].reshape(len(empty), -1)[:, 0].isnan(), empty)
    assert (targets["size"][empty] == -100).all()
    assert (targets["boxes"][empty] == torch.tensor([-1.0, 0, 0, 0, 0])).all()
    assert not targets["present"][empty].any()


def test_times_are_censored_and_fall_with_the_cards(targets: dict[str, Tensor]) -> None:
    time, event = targets["time"].unbind(1)
    assert 0.62 < event.mean() < 0.78
    few, many = targets["count"] <= 1, targets["count"] >= 3
    # Of exponential times the number of events in all the time is the rate.
    rates = [event[part].sum() / time[part].sum() for part in (few, many)]
    assert rates[1] > 1.5 * rates[0]


def test_labels_are_kept_of_a_share_of_the_training_scenes(scenes: Scenes) -> None:
    found = scenes.targets("train")
    whole = Scenes(batch_size=8, seed=0)
    whole.setup()
    every = whole.targets("train")
    known = ~found["depth"].flatten(1).isnan().any(1)
    assert known.sum() == 750
    assert torch.equal(found["depth"][known], every["depth"][known])
    digits = (found["digit"] >= 0).sum() / (every["digit"] >= 0).sum()
    assert 0.2 < digits < 0.3
    assert torch.equal(found["classes"], every["classes"])
    # Of each task by itself.
    there = ~every["tilt"].isnan()
    both = known & ~found["tilt"].isnan()
    assert both[there].float().mean() == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ["digits"]}, "tasks: Scenes has no task 'digits'; did you mean 'digit'"),
        ({"tasks": ["digit"], "labels": {"depth": 1}}, "labels: 'depth' is not one of the tasks"),
        ({"labels": {"depth": 2}}, "labels: the share of 'depth' is 2; give one from 0 to 1"),
    ],
)
def test_what_there_is_not_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Scenes(batch_size=8, **options)  # type: ignore[arg-type]


def test_every_task_has_a_target(targets: dict[str, Tensor]) -> None:
    assert list(targets) == list(TASKS)
