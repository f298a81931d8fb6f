"""Figures show what they were given."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

import pytest
import torch
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from torch import Tensor

from multitask.data.faces import MISSING_COLOUR, Numbers, Picture, Shown, show_samples
from multitask.figures.drawing import captions, draw_coverage, draw_samples, draw_task
from multitask.figures.saving import save_figure
from multitask.tasks import Classification, Regression, Task

NAN = float("nan")
TASKS: dict[str, Task] = {
    "kind": Classification(3, classes=["cat", "dog", "cow"]),
    "size": Regression(unit=" cm"),
    "place": Regression(size=2),
}
TARGETS = {
    "kind": torch.tensor([1, -100]),
    "size": torch.tensor([12.345, NAN]),
    "place": torch.zeros(2, 2),
}


def pictures(figure: Figure) -> list[Tensor]:
    return [torch.tensor(image.get_array()) for image in figure.axes[0].images]


def shown(images: Tensor) -> list[Shown]:
    return show_samples({"image": images}, {"image": Picture()})


@pytest.mark.parametrize("count", [1, 8, 10])
@pytest.mark.parametrize("size", [(5, 6), (12, 4)])
def test_each_sample_has_its_caption_below_and_a_place_of_its_own(
    count: int, size: tuple[int, int]
) -> None:
    texts = [f"number {place}\nline" for place in range(count)]
    figure = draw_samples(shown(torch.rand(count, 1, *size)), texts)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == texts
    assert not axes.axison
    assert {tuple(picture.shape) for picture in pictures(figure)} == {size}
    figure.canvas.draw()
    boxes = [image.get_window_extent() for image in axes.images]
    texts_at = [text.get_window_extent() for text in axes.texts]
    inside = figure.bbox
    for box, text in zip(boxes, texts_at, strict=True):
        assert box.height / box.width == pytest.approx(size[0] / size[1])
        assert box.y0 >= text.y1
        assert text.y0 >= inside.y0
        assert abs((box.x0 + box.x1) - (text.x0 + text.x1)) < 2
        assert inside.x0 <= box.x0 < box.x1 <= inside.x1
        assert box.y1 <= inside.y1
    everything = [*boxes, *texts_at]
    assert not any(one.overlaps(other) for one, other in combinations(everything, 2))


def test_images_of_any_range_are_stretched_to_0_to_1() -> None:
    images = torch.tensor([[-5.0, 0.0], [5.0, 15.0]]).expand(1, 1, 2, 2)
    (picture,) = pictures(draw_samples(shown(images), ["a"]))
    torch.testing.assert_close(picture, torch.tensor([[0.0, 0.25], [0.5, 1.0]]))


@pytest.mark.parametrize(
    ("channels", "shape"), [(1, (4, 6)), (2, (4, 6)), (3, (4, 6, 3)), (4, (4, 6, 4))]
)
def test_channels_are_colours_where_there_are_as_many(channels: int, shape: tuple[int]) -> None:
    image = torch.rand(1, channels, 4, 6)
    (picture,) = pictures(draw_samples(shown(image), ["a"]))
    assert tuple(picture.shape) == shape
    last = picture if picture.ndim == 2 else picture[:, :, 0]
    scaled = (image - image.min()) / (image.max() - image.min())
    torch.testing.assert_close(last, scaled[0, 0])


def test_uniform_and_integer_images_can_be_drawn() -> None:
    images = torch.full((1, 1, 2, 2), 7, dtype=torch.uint8)
    (picture,) = pictures(draw_samples(shown(images), ["a"]))
    assert picture.tolist() == [[0, 0], [0, 0]]


def written(figure: Figure) -> list[str]:
    """What is under each picture."""
    return [text.get_text() for text in figure.axes[0].texts]


def test_texts_stand_above_captions_and_each_picture_has_its_own() -> None:
    images = torch.rand(3, 3, 4, 4)
    inputs = {"left": images[:, :1], "age": torch.arange(3), "right": images}
    faces = {"left": Picture(), "age": Numbers(), "right": Picture()}
    figure = draw_samples(show_samples(inputs, faces), ["a", "b", "c"])
    assert written(figure) == ["age 0\na", "right", "age 1\nb", "right", "age 2\nc", "right"]
    assert len(pictures(figure)) == 6
    figure = draw_samples(show_samples(inputs, {"age": Numbers()}), ["a", "b", "c"])
    assert written(figure) == ["age 0\na", "age 1\nb", "age 2\nc"]
    assert not pictures(figure)
    figure.canvas.draw()


def test_a_text_alone_has_room_for_many_words_in_a_line(tmp_path: Path) -> None:
    text = "a film of which one would like to see much more, were it not so long"
    figure = draw_samples([{"text": text}], ["mood 3"])
    save_figure(figure, tmp_path / "samples.png", dpi=20)
    (under,) = written(figure)
    assert under.replace("\n", " ") == f"text {text} mood 3"
    assert len(under.split("\n")) == 3


def test_maps_are_shown_beside_the_inputs_and_what_is_missing_in_red() -> None:
    targets = {
        "mask": torch.tensor([[[0, 2], [-100, 1]]]),
        "depth": torch.tensor([[[[NAN, 3.0], [1.0, 2.0]]]]),
        "normal": torch.rand(1, 3, 2, 2),
        "nothing": torch.full((1, 2, 2), NAN),
        "kind": torch.tensor([1]),
        "place": torch.zeros(1, 2),
    }
    (sample,) = show_samples({"image": torch.rand(1, 1, 2, 2)}, {"image": Picture()}, targets)
    assert list(sample) == ["image", "mask", "depth", "normal", "nothing"]
    red = list(MISSING_COLOUR)
    expected = {
        "mask": [[[0] * 3, [1] * 3], [red, [0.5] * 3]],
        "depth": [[red, [1] * 3], [[0] * 3, [0.5] * 3]],
        "nothing": [[red, red], [red, red]],
    }
    for name, pixels in expected.items():
        assert isinstance(sample[name], Tensor)
        assert sample[name].tolist() == pixels  # type: ignore[union-attr]
    assert sample["normal"].shape == (2, 2, 3)  # type: ignore[union-attr]
    figure = draw_samples([sample], ["a"])
    assert written(figure) == ["a", "mask", "depth", "normal", "nothing"]


def test_captions_of_targets() -> None:
    assert captions(TASKS, TARGETS) == ["kind dog\nsize 12.3 cm", "kind ?\nsize ?"]


def test_captions_of_many_tasks_are_cut() -> None:
    tasks: dict[str, Task] = {f"t{place}": Regression() for place in range(50)}
    (text,) = captions(tasks, dict.fromkeys(tasks, torch.ones(1)))
    lines = text.split("\n")
    assert (lines[0], lines[-2:]) == ("t0 1", ["t11 1", "and 38 more"])


def test_captions_of_targets_and_predictions() -> None:
    predictions = {
        "kind": torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]]),
        "size": torch.tensor([[10.0], [-0.5]]),
        "place": torch.zeros(2, 2),
    }
    assert captions(TASKS, TARGETS, predictions) == [
        "kind dog → cat\nsize 12.3 cm → 10 cm",
        "kind ? → cow\nsize ? → -0.5 cm",
    ]


def test_coverage_bars_are_as_wide_as_the_share_of_labels() -> None:
    known = {"train": {"kind": 0.05, "size": 1.0}, "val": {"size": 0.5, "kind": 0.75}}
    figure = draw_coverage(known)
    (axes,) = figure.axes
    found = {}
    for container in axes.containers:
        assert isinstance(container, BarContainer)
        found[container.get_label()] = [bar.get_width() for bar in container]
    assert found == {"train": pytest.approx([5, 100]), "val": pytest.approx([75, 50])}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["kind", "size"]
    middles = [[bar.get_y() + bar.get_height() / 2 for bar in each] for each in axes.containers]
    for place in (0, 1):
        assert (middles[0][place] + middles[1][place]) / 2 == pytest.approx(place)
    bars = sorted((bar.get_y(), bar.get_y() + bar.get_height()) for bar in axes.patches)
    assert all(low >= high - 1e-6 for (_, high), (low, _) in pairwise(bars))
    assert {"5 %", "100 %", "75 %", "50 %"} <= {text.get_text() for text in axes.texts}
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["train", "val"]
    figure.canvas.draw()


def test_task_is_drawn_with_its_name_and_number_of_known_samples() -> None:
    figure = draw_task("size", TASKS["size"], torch.tensor([[10.0], [2.0]]), TARGETS["size"])
    (axes,) = figure.axes
    assert axes.get_title() == "size (1 sample)"
    (points,) = axes.collections
    assert torch.tensor(points.get_offsets()).tolist() == [pytest.approx([12.345, 10.0])]
    assert "cm" in axes.get_xlabel()


@pytest.mark.parametrize(
    "caption",
    [
        "species Long-tailed Jaeger of the far north → Parasitic Jaeger\nsize 12 cm → 9 cm",
        f"kind {'W' * 60} → {'m' * 60}",
        "costs $5 → $7 in a shop that has a very long name",
        "大きな鳥の名前がここに長く書かれている場合もある",
    ],
)
@pytest.mark.parametrize("count", [2, 24])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_captions_keep_within_their_pictures_width(caption: str, count: int) -> None:
    figure = draw_samples(shown(torch.rand(count, 1, 4, 4)), [caption] * count)
    figure.canvas.draw()
    texts = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(one.overlaps(other) for one, other in combinations(texts, 2))
    assert all(box.y0 >= 0 for box in texts)


def test_coverage_of_hundreds_of_tasks_shows_those_with_fewest_labels() -> None:
    known = {f"t{place}": place / 300 for place in range(300)}
    figure = draw_coverage({"train": known, "val": known, "test": known})
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [f"t{place}" for place in range(60)]
    assert max(figure.get_size_inches()) < 25


def test_dark_and_bright_images_stay_so_and_maps_share_their_predictions_scale() -> None:
    images = torch.stack([torch.full((1, 2, 2), value) for value in (0.0, 0.5, 1.0)])
    depth, guess = torch.zeros(3, 2, 2), torch.full((3, 2, 2), 4.0)
    depth[0] = 2.0
    samples = show_samples(
        {"image": images}, {"image": Picture()}, {"depth": depth}, {"depth": guess}
    )
    means = [{name: float(each.mean()) for name, each in one.items()} for one in samples]  # type: ignore[union-attr]
    assert [each["image"] for each in means] == [0.0, 0.5, 1.0]
    assert [each["depth"] for each in means] == [0.5, 0.0, 0.0]
    assert [each["depth, predicted"] for each in means] == [1.0, 1.0, 1.0]
    figure = draw_samples(samples, ["a", "b", "c"])
    assert {image.get_clim() for image in figure.axes[0].images} == {(0.0, 1.0)}
