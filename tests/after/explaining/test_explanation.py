"""What is found out about a model is what the methods' own sanity demands."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from after.made_models import pixels, trained
from after.trained_table import write_images
from torch import Tensor, nn
from torchvision.transforms import v2

from multitask.after.explaining.answers import rough_maps, said_of_overlaps
from multitask.after.explaining.attribution import attribute
from multitask.after.explaining.explain import explain
from multitask.after.explaining.explanation import Wanted
from multitask.after.explaining.layer_gradients import layer_cosines
from multitask.after.explaining.neighbours import nearest_images
from multitask.after.explaining.networks import compare_layers
from multitask.after.explaining.overlap import overlap, overlaps
from multitask.after.explaining.score import Choice, Score
from multitask.after.explaining.similarity import alignment, layer_grams
from multitask.encoders import MLP
from multitask.module import MultiTask
from multitask.tasks import Classification, GaussianRegression, QuantileRegression, Regression

NOTHING = Choice({}, {})


class Linear(nn.Module):
    """A model of one task whose number is a weighted sum of the pixels."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = weights
        self.named_tasks = {"sum": Regression()}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"sum": (images * self.weights).flatten(1).sum(1, keepdim=True)}


def test_a_linear_model_is_explained_by_weight_times_pixel() -> None:
    weights = torch.randn(1, 8, 8)
    told = {"tasks": {"sum": {}}}
    trained: Any = SimpleNamespace(
        model=Linear(weights), transforms=nn.Identity(), description=told
    )
    images = torch.rand(3, 1, 8, 8)
    found = attribute(trained, "sum", images, NOTHING, slow=True)
    torch.testing.assert_close(found.gradients, (images * weights)[:, 0], atol=1e-5, rtol=1e-4)
    assert found.incomplete < 1e-4
    assert found.occlusion is not None
    assert found.occlusion.shape == (3, 8, 8)


class Jump(Linear):
    """A number that jumps near the black image, which no step between sees."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        steep = (images * self.weights).flatten(1).sum(1, keepdim=True)
        return {"sum": torch.tanh(1e6 * steep)}


def test_gradients_that_miss_the_change_are_said_to() -> None:
    told = {"tasks": {"sum": {}}}
    model: Any = SimpleNamespace(
        model=Jump(torch.ones(1, 8, 8)), transforms=nn.Identity(), description=told
    )
    found = attribute(model, "sum", torch.rand(2, 1, 8, 8), NOTHING)
    assert found.steps == 256
    assert found.incomplete > 0.5
    explanation: Any = SimpleNamespace(attributions={"sum": found})
    (said,) = rough_maps(explanation)
    assert said.startswith("Do not rely on the integrated gradients of sum: they miss up to 100%")


def test_the_class_that_is_explained_is_named() -> None:
    model = trained()
    images = pixels(5).float() / 255
    found = attribute(model, "kind", images, NOTHING)
    likely = model(pixels(5))["kind"].argmax(1)
    assert found.classes == [["cat", "dog", "häst <b>"][place] for place in likely]
    assert attribute(model, "kind", images, Choice({"kind": "dog"}, {})).classes == ["dog"] * 5
    assert attribute(model, "size", images, NOTHING).classes == [""] * 5


@pytest.mark.parametrize("kind", [GaussianRegression, QuantileRegression])
def test_a_prediction_is_explained_and_not_how_uncertain_it_is(kind: type[Regression]) -> None:
    model = trained(tasks={"size": kind()})
    score = Score(model, "size", NOTHING)
    images = pixels(5).float() / 255
    assert score.what == "its number"
    found = score(images, score.weights(images))
    # Standardised by a mean of 0 and a deviation of 1.
    torch.testing.assert_close(found, model(pixels(5))["size"][:, 0])


def test_a_map_overlaps_with_itself_and_less_with_that_of_another_image() -> None:
    maps = torch.rand(6, 5, 5) ** 8
    assert overlap(maps, maps) == pytest.approx(torch.ones(6).double())
    apart = torch.zeros(2, 1, 2)
    apart[0, 0, 0] = apart[1, 0, 1] = 1
    assert overlap(apart[:1], apart[1:]).item() == 0
    (found,) = overlaps({"a": maps, "b": -2 * maps})
    assert found.same == pytest.approx(1)
    assert found.shuffled < 0.8
    assert found.chance < 0.01
    (unrelated,) = overlaps({"a": maps, "b": maps.roll(1, 0)})
    assert unrelated.chance > 0.05
    assert said_of_overlaps([found]).startswith("The tasks look at the same places, more than")
    assert "do not clearly look" in said_of_overlaps([unrelated])
    assert "1 of 2 pairs" in said_of_overlaps([found, unrelated])
    (few,) = overlaps({"a": maps[:3], "b": maps[:3]})
    assert "3 images are too few" in said_of_overlaps([few])
    (black,) = overlaps({"a": 0 * maps, "b": maps})
    assert said_of_overlaps([black]).startswith("No image has")
    (single,) = overlaps({"a": maps[:1], "b": maps[:1]})
    assert math.isnan(single.shuffled)


def test_layers_that_are_turned_and_scaled_are_the_same_and_noise_is_not() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(200, 20, generator=generator)
    turned, _ = torch.linalg.qr(torch.randn(20, 20, generator=generator))
    assert alignment(features, 3 * features @ turned) == pytest.approx(1, abs=1e-5)
    noise = torch.randn(200, 500, generator=generator)
    assert abs(alignment(features, noise)) < 0.05
    assert math.isnan(alignment(features, torch.ones(200, 2)))


def test_of_many_layers_some_are_looked_at_in_their_order() -> None:
    network = nn.Sequential(*(nn.Linear(3, 3) for _ in range(30)))
    found = layer_grams(network, [torch.randn(6, 3)], 5)
    assert list(found) == ["0", "7", "14", "22", "29"]


class Windows(nn.Module):
    """Makes rows of an image's windows, and another layer whose first axis is not the samples."""

    def __init__(self) -> None:
        super().__init__()
        self.whole, self.window, self.places = nn.Linear(8, 8), nn.Linear(2, 2), nn.Linear(8, 8)

    def forward(self, values: Tensor) -> Tensor:
        each = self.whole(values)
        self.places(each.new_zeros(6, 8))
        return self.window(each.reshape(-1, 2)).reshape(len(values), -1)


def test_the_windows_of_an_image_are_one_sample() -> None:
    found = layer_grams(Windows(), [torch.randn(6, 8)], 5)
    assert {name: len(each) for name, each in found.items()} == {"whole": 6, "window": 6}


def test_each_network_sees_images_through_its_own_transforms() -> None:
    one = trained(transforms=[v2.Normalize([0.5], [0.1])])
    other = trained(transforms=[v2.Normalize([0.2], [3.0])])
    other.model.load_state_dict(one.model.state_dict())
    images = pixels(8)
    rows, columns, values = compare_layers(one, other, images)
    assert rows == columns
    assert values[-1, -1] < 0.999
    *_, same = compare_layers(one, one, images)
    assert same.diagonal() == pytest.approx(torch.ones(len(rows)), abs=1e-6)


def test_another_network_that_does_not_fit_leaves_the_rest(tmp_path: Path) -> None:
    write_images(tmp_path, 5)
    others = {"wide": trained(MLP(6, hidden=[4]), shape=(1, 2, 3)), "same": trained()}
    found = explain(trained(), Wanted([str(tmp_path)], NOTHING, against=others))
    assert list(found.similarities) == ["its own layers", "same"]
    (said,) = [each for each in found.left_out if "accepts other images" in each]
    assert said.startswith("Similar layers: ")


@pytest.mark.parametrize(("sign", "cosine"), [(1, 1), (-1, -1)])
def test_gradients_of_one_goal_agree_and_of_opposite_ones_disagree(
    sign: float, cosine: float
) -> None:
    torch.manual_seed(0)
    tasks = {name: Regression(scale="none") for name in ("a", "b")}
    model = MultiTask(MLP(4, hidden=[16], out_features=8), tasks).eval()
    with torch.no_grad():
        for each in model.heads.values():
            each.weight.copy_(torch.ones_like(each.weight))  # type: ignore[union-attr, arg-type]
            each.bias.zero_()  # type: ignore[union-attr, operator]
    images = torch.rand(8, 1, 2, 2)
    output = model(images)["a"].detach()[:, 0]
    # Targets on one side of the outputs, or as far on the other.
    targets = {"a": output + 1, "b": output + sign}
    found = layer_cosines(model, [{"image": images, **targets}] * 3)
    assert len(found) == 2
    assert [each.cosine for each in found] == pytest.approx([cosine] * 2, abs=1e-5)
    assert all(each.requires_grad for each in model.parameters())


def test_a_task_without_labels_reaches_no_layer() -> None:
    model = MultiTask(
        MLP(4, hidden=[], out_features=3), {"a": Classification(2), "b": Regression()}
    )
    batch = {
        "image": torch.rand(4, 1, 2, 2),
        "a": torch.tensor([0, 1, 0, 1]),
        "b": torch.full((4,), torch.nan),
    }
    assert layer_cosines(model.eval(), [batch]) == []


def test_tasks_with_labels_are_compared_though_another_has_none() -> None:
    torch.manual_seed(0)
    tasks = {name: Regression() for name in ("a", "b", "c")}
    model = MultiTask(MLP(4, hidden=[], out_features=3), tasks).eval()
    batch = {"image": torch.rand(6, 1, 2, 2), "a": torch.rand(6), "b": torch.rand(6)}
    found = layer_cosines(model, [batch], tasks=["a", "b"])
    whole = layer_cosines(model, [{**batch, "c": torch.rand(6)}])
    assert [(each.first, each.second) for each in found] == [("a", "b")]
    assert found[0].cosine == pytest.approx(whole[0].cosine)


def test_the_nearest_of_a_training_image_is_itself() -> None:
    known = torch.randn(20, 6)
    found = nearest_images(2 * known[[3, 7]], known, 3)
    assert found.places[:, 0].tolist() == [3, 7]
    assert found.cosines[:, 0] == pytest.approx(torch.ones(2), abs=1e-6)
