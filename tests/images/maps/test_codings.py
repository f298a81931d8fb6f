"""Files of maps become classes and numbers, or one sentence says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from multitask.checkpoints.recipe import recipe
from multitask.data.stored_maps import StoredMaps
from multitask.errors import InputError
from multitask.images.decoding import UnusableImage
from multitask.images.maps import ClassMap, ColourMap, DepthMap, MapCoding, NormalMap, NumberMap
from multitask.images.maps.image_array import ImageArray

RNG = np.random.default_rng(0)
IDS = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)
COLOURS = [[0, 0, 0], [128, 0, 0], [0, 128, 0]]


def written(path: Path, pixels: np.ndarray[Any, Any], palette: bool = False) -> Path:
    """A file of a map, of the kind that its ending tells."""
    if path.suffix == ".npy":
        np.save(path, pixels)
    elif palette:
        image = Image.fromarray(pixels, "P")
        image.putpalette([*np.ravel(COLOURS), *(0 for _ in range(3 * 252)), 224, 224, 192])
        image.save(path)
    else:
        Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "pixels", "palette"),
    [
        ("grey.png", IDS, False),
        ("palette.png", IDS, True),
        ("wide.png", IDS.astype(np.uint16), False),
        ("grey as colour.png", np.stack([IDS] * 3, 2), False),
        ("ids.tif", IDS, False),
        ("ids.npy", np.where(IDS == 255, -1, IDS.astype(np.int64)), False),
        ("floats.npy", np.where(IDS == 255, np.nan, IDS.astype(np.float32))[..., None], False),
    ],
)
def test_numbers_of_classes_are_read_from_any_file_without_loss(
    tmp_path: Path, name: str, pixels: np.ndarray[Any, Any], palette: bool
) -> None:
    found = ClassMap(3).read(written(tmp_path / name, pixels, palette))
    assert found.dtype == np.uint8
    assert (found == IDS[None]).all()


def test_classes_may_have_other_numbers_in_the_files(tmp_path: Path) -> None:
    file = written(tmp_path / "a.png", np.array([[0, 255, 7]], np.uint8))
    coding = ClassMap(classes=["background", "cell"], numbers=[0, 255], missing=[7])
    assert coding.read(file).tolist() == [[[0, 1, 255]]]
    assert coding.class_names == ["background", "cell"]


def test_more_classes_than_a_byte_holds_are_wide(tmp_path: Path) -> None:
    file = written(tmp_path / "a.png", np.array([[0, 255, 999]], np.uint16))
    assert ClassMap(1000).read(file).tolist() == [[[0, 255, 999]]]
    coding = ClassMap(numbers=[*range(1, 1001)], missing=[0])
    assert coding.read(file).tolist() == [[[-100, 254, 998]]]


@pytest.mark.parametrize("as_palette", [False, True])
def test_colours_are_classes(tmp_path: Path, as_palette: bool) -> None:
    ids = np.where(IDS == 255, 3, IDS)
    if as_palette:
        file = written(tmp_path / "a.png", IDS, palette=True)
    else:
        pixels = np.array([*COLOURS, [224, 224, 192]], np.uint8)[ids]
        file = written(tmp_path / "a.png", pixels)
    coding = ColourMap([*COLOURS[:2], "#008000"], missing=["#e0e0c0"])
    assert (coding.read(file)[0] == IDS).all()


@pytest.mark.parametrize("name", ["depth.png", "depth.tif", "depth.npy"])
def test_depths_are_scaled_and_missing_where_the_file_says_0(tmp_path: Path, name: str) -> None:
    millimetres = RNG.integers(1, 9000, (4, 5)).astype(np.uint16)
    millimetres[1, 2] = 0
    pixels = millimetres if name != "depth.tif" else millimetres.astype(np.float32)
    found = DepthMap(scale=0.001).read(written(tmp_path / name, pixels))
    expected = np.where(millimetres == 0, np.nan, millimetres / 1000).astype(np.float32)
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)


@pytest.mark.parametrize("first", [True, False])
def test_vectors_have_their_channels_first_or_last(tmp_path: Path, first: bool) -> None:
    values = RNG.normal(size=(2, 5, 6)).astype(np.float32)
    values[1, 3, 3] = np.inf
    file = written(tmp_path / "a.npy", values if first else values.transpose(1, 2, 0))
    found = NumberMap(size=2, scale=2, offset=1).read(file)
    np.testing.assert_allclose(found, np.where(np.isinf(values), np.nan, 2 * values + 1), rtol=1e-6)


@pytest.mark.parametrize("name", ["normals.npy", "normals.png"])
def test_normals_are_unit_vectors_in_the_directions_of_images(tmp_path: Path, name: str) -> None:
    vectors = RNG.normal(size=(4, 5, 3))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    vectors[0, 0] = 0
    pixels = vectors.astype(np.float32)
    if name.endswith("png"):
        pixels = np.round((vectors + 1) / 2 * 255).astype(np.uint8)
        pixels[1, 1] = 0
        vectors[1, 1] = 0
    found = NormalMap(signs=[1, -1, 1]).read(written(tmp_path / name, pixels))
    gone = (vectors == 0).all(2)
    expected = np.where(gone[..., None], np.nan, vectors * [1, -1, 1]).transpose(2, 0, 1)
    np.testing.assert_allclose(found, expected, atol=0.02 if name.endswith("png") else 1e-6)
    known = found[:, ~gone]
    np.testing.assert_allclose((known**2).sum(0), 1, rtol=1e-5)


NUMPY = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }\n"


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (NUMPY % "(1000000, 1000000)", "1,000,000,000,000 numbers"),
        (NUMPY % "(100, 100)", "is truncated: it has 64 of 40,000 bytes"),
        (NUMPY % "(True, True)", "not a NumPy array"),
        ("{'descr': '<f4L', 'shape': ((((\n", "not a NumPy array"),
        ("{[]: 1}", "not a NumPy array"),
        ("-" * 9000 + "1", "not a NumPy array"),
    ],
)
def test_headers_that_lie_are_not_believed(tmp_path: Path, header: str, words: str) -> None:
    file = tmp_path / "a.npy"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    file.write_bytes(start + header.encode() + bytes(64))
    with pytest.raises(UnusableImage, match=words):
        NumberMap().read(file)
    with pytest.raises(InputError, match="cannot be read as a NumPy array"):
        StoredMaps(file)


def test_archives_and_files_that_are_no_images_are_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(b"PK\x03\x04" + bytes(100))
    (tmp_path / "a.png").write_bytes(b"")
    for name, words in (("a.npy", "archive of arrays"), ("a.png", "not a map; give PNG")):
        with pytest.raises(UnusableImage, match=words):
            ClassMap(2).read(tmp_path / name)


@pytest.mark.parametrize(
    ("coding", "pixels", "kind", "words"),
    [
        (ClassMap(2), IDS, "unknown_class", "2 pixels have the number 2, but .* 0 to 1, and 255"),
        (ClassMap(3, missing=[]), IDS, "unknown_class", "1 pixel has the number 255.*no number"),
        (ClassMap(3), np.full((2, 2), 0.5), "unreadable_map", "not integers"),
        (ClassMap(3), np.full((2, 2, 3), [1, 0, 0], np.uint8), "unreadable_map", "ColourMap"),
        (ColourMap(COLOURS), np.ones((2, 2, 3), np.uint8), "unknown_class", r"#010101 \(4 pix"),
        (ColourMap(COLOURS), IDS, "unreadable_map", "ClassMap"),
        (NumberMap(), np.ones((4, 4, 3)), "unreadable_map", "should be 1 for each pixel"),
        (NormalMap(), np.ones((4, 4)), "unreadable_map", "should be 3 for each pixel"),
        (NumberMap(), np.array("text"), "unreadable_map", "shape"),
        (DepthMap(), np.ones((1, 65_537)), "unreadable_map", "and 65,536 on a side"),
        (DepthMap(), np.ones(3), "unreadable_map", r"shape \[3\]"),
        (ImageArray(), np.ones((2, 2, 3), np.uint16), "unreadable_map", "are uint16; give floats"),
    ],
)
def test_what_does_not_fit_is_said(
    tmp_path: Path, coding: MapCoding, pixels: np.ndarray[Any, Any], kind: str, words: str
) -> None:
    np.save(tmp_path / "a.npy", pixels)
    with pytest.raises(UnusableImage, match=words) as info:
        coding.read(tmp_path / "a.npy")
    assert info.value.kind == kind


@pytest.mark.parametrize("name", ["a.png", "a.npy", "a.jpg", "cut.png", "cut.npy"])
def test_files_that_are_no_maps_are_said_to_be_none(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    if name.startswith("cut"):
        written(file, RNG.integers(0, 255, (50, 50)).astype(np.uint8))
        file.write_bytes(file.read_bytes()[:200])
    elif name == "a.jpg":
        written(file, IDS)
    else:
        file.write_text("no map")
    with pytest.raises(UnusableImage) as info:
        ClassMap(256).read(file)
    assert info.value.kind == "unreadable_map"


@pytest.mark.parametrize(
    "make",
    [
        lambda: ClassMap(),
        lambda: ClassMap(2, classes=["a"]),
        lambda: ClassMap(0),
        lambda: ClassMap(numbers=[1, 1]),
        lambda: ClassMap(1000, missing=[0]),
        lambda: ClassMap(numbers=[-1, 1]),
        lambda: ClassMap(classes=["a", "a"]),
        lambda: ColourMap(["red"]),
        lambda: ColourMap(["#000000", [0, 0, 0]]),
        lambda: ColourMap(["#000000"], classes=["a", "b"]),
        lambda: NumberMap(size=0),
        lambda: NumberMap(scale=0),
        lambda: NormalMap(signs=[1, 2, 1]),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Any) -> None:
    with pytest.raises(InputError):
        make()


@pytest.mark.parametrize(
    "coding",
    [
        ClassMap(3, missing=[9]),
        ColourMap(COLOURS, classes=["a", "b", "c"]),
        DepthMap(0.001),
        NumberMap(2, missing=[-1.0]),
        NormalMap([1, -1, 1]),
    ],
)
def test_codings_show_how_they_were_made(coding: MapCoding) -> None:
    made = recipe(coding)
    assert vars(type(coding)(**made["init_args"])) == vars(coding)
