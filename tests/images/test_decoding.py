"""Every kind of file gives known pixels, or a reason."""

from __future__ import annotations

import struct
import warnings
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from torchvision.transforms import v2

from multitask.errors import InputError
from multitask.images.decoding import UnusableImage, decode
from multitask.images.format import Fit, ImageFormat

RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)
COLOURS = [[RED, GREEN, BLUE], [BLACK, BLUE, RED]]
"""A picture of 2 rows and 3 columns."""
UPRIGHT = 274
FLIPS = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, 1),
    7: lambda pixels: np.rot90(pixels, 2).transpose(1, 0, 2),
    8: lambda pixels: np.rot90(pixels, -1),
}
"""How a picture is stored that has this orientation (EXIF 2.3, tag 274)."""


def picture(colours: Any = COLOURS) -> Image.Image:
    return Image.fromarray(np.array(colours, np.uint8))


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def pixels(path: Path, height: int = 2, width: int = 3, **options: Any) -> list:
    return decode(path, ImageFormat(height, width, **options))[0].tolist()


def in_rows(colours: Any) -> list:
    return np.array(colours).transpose(2, 0, 1).tolist()


def reason(path: Path, kind: str = "unreadable_image", **options: Any) -> str:
    with pytest.raises(UnusableImage) as info:
        decode(path, ImageFormat(2, 3, **options))
    assert info.value.kind == kind
    return str(info.value)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.png", {}),
        ("x.bmp", {}),
        ("x.webp", {"lossless": True}),
        ("x.tif", {}),
        ("x.tif", {"compression": "tiff_lzw"}),
        ("x.gif", {}),
    ],
)
def test_formats_without_loss_give_their_pixels(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    path = saved(picture(), tmp_path / name, **options)
    image, size = decode(path, ImageFormat(2, 3))
    assert image.dtype == np.uint8
    assert image.tolist() == in_rows(COLOURS)
    assert size == (2, 3)


def test_jpeg_gives_its_pixels_nearly(tmp_path: Path) -> None:
    path = saved(Image.new("RGB", (40, 30), (200, 100, 50)), tmp_path / "x.jpg", quality=95)
    image, size = decode(path, ImageFormat(30, 40))
    assert size == (30, 40)
    assert np.abs(image.astype(int) - np.array([[[200]], [[100]], [[50]]])).max() <= 2


def test_palette_grey_and_bilevel_files(tmp_path: Path) -> None:
    palette = saved(picture().quantize(4), tmp_path / "palette.png")
    assert pixels(palette) == in_rows(COLOURS)
    grey = Image.fromarray(np.array([[0, 100, 255]], np.uint8))
    path = saved(grey, tmp_path / "grey.png")
    assert pixels(path, 1) == [[[0, 100, 255]]] * 3
    assert pixels(path, 1, channels=1) == [[[0, 100, 255]]]
    bilevel = saved(grey.point(lambda value: value > 99, "1"), tmp_path / "bilevel.tif")
    assert pixels(bilevel, 1, channels=1) == [[[0, 255, 255]]]


def test_colour_becomes_grey_by_its_luma(tmp_path: Path) -> None:
    path = saved(picture(), tmp_path / "x.png")
    assert pixels(path, channels=1) == [[[76, 150, 29], [0, 29, 76]]]


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_transparent_parts_lie_over_white(tmp_path: Path, suffix: str) -> None:
    image = Image.fromarray(np.array([[[255, 0, 0, 0], [0, 0, 0, 51], [0, 0, 255, 255]]], np.uint8))
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    path = saved(image, tmp_path / f"x.{suffix}", **options)
    assert pixels(path, 1) == [[[255, 204, 0]], [[255, 204, 0]], [[255, 204, 255]]]


def test_transparency_of_grey_and_of_palettes(tmp_path: Path) -> None:
    grey = Image.merge("LA", [Image.new("L", (3, 1), 0), Image.new("L", (3, 1), 51)])
    assert pixels(saved(grey, tmp_path / "grey.png"), 1, channels=1) == [[[204] * 3]]
    one_colour = saved(picture([[RED, BLUE, RED]]), tmp_path / "one.png", transparency=RED)
    assert pixels(one_colour, 1) == in_rows([[(255, 255, 255), BLUE, (255, 255, 255)]])
    palette = Image.new("P", (3, 1), 0)
    palette.putpalette([*RED, *BLUE])
    palette.putpixel((1, 0), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = saved(palette, tmp_path / "palette.png", transparency=b"\x00\xff")
        assert pixels(path, 1) == in_rows([[(255, 255, 255), BLUE, (255, 255, 255)]])


def test_ink_becomes_colour(tmp_path: Path) -> None:
    image = Image.new("CMYK", (3, 2), (0, 255, 255, 0))
    assert pixels(saved(image, tmp_path / "x.tif")) == in_rows([[RED] * 3] * 2)
    image = np.array(pixels(saved(image, tmp_path / "x.jpg", quality=100)))
    assert np.abs(image - in_rows([[RED] * 3] * 2)).max() <= 3


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_of_16_bits_is_divided_by_one_white_for_all(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257, 1000, 4095, 40_000, 65_535]], np.uint16)
    path = saved(Image.fromarray(values), tmp_path / f"x.{suffix}")
    assert pixels(path, 1, 6, channels=1) == [[[0, 1, 4, 16, 156, 255]]]
    assert pixels(path, 1, 6, white=4095) == [[[0, 16, 62, 255, 255, 255]]] * 3


def test_16_bits_of_other_kinds(tmp_path: Path) -> None:
    big = Image.frombytes("I;16B", (2, 1), struct.pack(">2H", 257, 65_535))
    assert pixels(saved(big, tmp_path / "big.tif"), 1, 2, channels=1) == [[[1, 255]]]
    colour = png(2, 1, 16, 2, struct.pack(">6H", *[257 * value for value in (9, 8, 7, 0, 1, 255)]))
    (tmp_path / "colour.png").write_bytes(colour)
    assert pixels(tmp_path / "colour.png", 1, 2) == [[[9, 0]], [[8, 1]], [[7, 255]]]
    alpha = png(1, 1, 16, 4, struct.pack(">2H", 0, 257 * 51))
    (tmp_path / "alpha.png").write_bytes(alpha)
    assert pixels(tmp_path / "alpha.png", 1, 1, channels=1) == [[[204]]]


def test_pixels_without_a_white_are_refused(tmp_path: Path) -> None:
    floating = saved(Image.new("F", (3, 2), 0.5), tmp_path / "f.tif")
    assert "floating-point" in reason(floating)
    assert "32-bit integers" in reason(saved(Image.new("I", (3, 2), 7), tmp_path / "i.tif"))
    inverted = ImageFileDirectory_v2()
    inverted[262] = 0
    image = Image.new("I;16", (3, 2))
    path = saved(image, tmp_path / "inverted.tif", tiffinfo=inverted)
    assert "white is 0" in reason(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_gives_the_upright_picture(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16], upright[16:, 32:] = RED, BLUE
    stored = Image.fromarray(np.ascontiguousarray(FLIPS[orientation](upright)))
    exif = Image.Exif()
    exif[UPRIGHT] = orientation
    options = {"lossless": True} if suffix == "webp" else {"quality": 100, "subsampling": 0}
    path = saved(stored, tmp_path / f"x.{suffix}", exif=exif, **options)
    image, size = decode(path, ImageFormat(32, 48))
    assert size == (32, 48)
    assert np.abs(image.astype(int) - upright.transpose(2, 0, 1)).max() <= 4


def test_large_jpeg_on_its_side(tmp_path: Path) -> None:
    upright = np.zeros((640, 960, 3), np.uint8)
    upright[:320, :320] = RED
    exif = Image.Exif()
    exif[UPRIGHT] = 6
    path = saved(Image.fromarray(np.rot90(upright).copy()), tmp_path / "x.jpg", exif=exif)
    image, size = decode(path, ImageFormat(4, 6))
    assert size == (640, 960)
    assert image[0, 0, 0] > 240
    assert (image[0, :, 3:] < 15).all()
    assert (image[0, 3:] < 40).all()


def test_large_jpeg_is_decoded_at_twice_the_size_or_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    load = JpegImageFile.load
    monkeypatch.setattr(JpegImageFile, "load", lambda self: (load(self), loaded.append(self.size)))
    exif = Image.Exif()
    exif[UPRIGHT] = 6
    path = saved(Image.new("RGB", (640, 960)), tmp_path / "x.jpg", exif=exif)
    for height, width in ((40, 60), (41, 60), (400, 600)):
        decode(path, ImageFormat(height, width))
    assert list(dict.fromkeys(loaded)) == [(80, 120), (160, 240), (640, 960)]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_orientation_is_none(tmp_path: Path, suffix: str) -> None:
    for exif in (b"garbage!", b"II*\0\x08\0\0\0\xff\xff\0\0", b""):
        path = saved(picture(), tmp_path / f"x.{suffix}", exif=b"Exif\0\0" + exif)
        assert decode(path, ImageFormat(2, 3))[1] == (2, 3)


def noise(height: int, width: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    return coarse.repeat(4, 0).repeat(4, 1)


def test_stretching_is_the_antialiased_resize_of_torchvision(tmp_path: Path) -> None:
    path = saved(Image.fromarray(noise(40, 64)), tmp_path / "x.png")
    expected = v2.functional.resize(v2.functional.pil_to_tensor(Image.open(path)), [10, 12])
    image = decode(path, ImageFormat(10, 12))[0]
    assert (torch.from_numpy(image).int() - expected.int()).abs().max() <= 1


@pytest.mark.parametrize("fit", get_args(Fit))
@pytest.mark.parametrize("size", [(37, 61), (9, 7)])
def test_colour_and_grey_of_8_and_16_bits_are_resized_as_pillow_does(
    tmp_path: Path, fit: Fit, size: tuple[int, int]
) -> None:
    height, width = size
    colours = noise(64, 96)[:height, :width]
    grey = np.ascontiguousarray(colours[:, :, 0])
    format = ImageFormat(18, 18, fit=fit)
    inner, box = (18, 18), (0.0, 0.0, width, height)
    if fit == "pad":
        inner = (round(18 * min(1, height / width)), round(18 * min(1, width / height)))
    elif fit == "crop":
        side = min(size)
        box = ((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)
    for name, picture_ in {
        "colour": colours,
        "grey": grey,
        "grey16": grey.astype(np.uint16) * 257,
    }.items():
        path = saved(Image.fromarray(picture_), tmp_path / f"{name}.png")
        image = decode(path, format)[0]
        kept = image[
            :,
            (18 - inner[0]) // 2 : (18 - inner[0]) // 2 + inner[0],
            (18 - inner[1]) // 2 : (18 - inner[1]) // 2 + inner[1],
        ]
        expected = np.asarray(
            Image.fromarray(colours if name == "colour" else grey)
            .convert("RGB")
            .resize(inner[::-1], Image.Resampling.BILINEAR, box)
        ).transpose(2, 0, 1)
        assert np.abs(kept.astype(int) - expected).max() <= 1
        assert image.astype(int).sum() == kept.astype(int).sum()


def test_large_jpeg_differs_little_from_its_full_decoding(tmp_path: Path) -> None:
    path = saved(Image.fromarray(noise(400, 640)), tmp_path / "x.jpg", quality=95)
    full = v2.functional.pil_to_tensor(Image.open(path))
    expected = v2.functional.resize(full, [20, 32]).float()
    image = torch.from_numpy(decode(path, ImageFormat(20, 32))[0]).float()
    assert (image - expected).abs().mean() < 5


def test_cropping_keeps_the_middle_and_padding_keeps_all(tmp_path: Path) -> None:
    grey = Image.fromarray(np.array([[10, 20, 30, 40]] * 2, np.uint8))
    path = saved(grey, tmp_path / "x.png")
    assert pixels(path, 2, 2, channels=1, fit="crop") == [[[20, 30]] * 2]
    assert pixels(path, 4, 4, channels=1, fit="pad") == [
        [[0] * 4, [10, 20, 30, 40], [10, 20, 30, 40], [0] * 4]
    ]
    upright = saved(grey.transpose(Image.Transpose.ROTATE_270), tmp_path / "upright.png")
    assert pixels(upright, 2, 2, channels=1, fit="crop") == [[[20] * 2, [30] * 2]]
    assert pixels(upright, 4, 4, channels=1, fit="pad") == [
        [[0, value, value, 0] for value in (10, 20, 30, 40)]
    ]


def test_very_thin_images_keep_a_pixel(tmp_path: Path) -> None:
    path = saved(Image.new("L", (1000, 1), 255), tmp_path / "x.png")
    assert np.array(pixels(path, 8, 8, channels=1, fit="pad")).sum() == 8 * 255
    assert np.array(pixels(path, 8, 8, channels=1, fit="crop")).min() == 255


def png(width: int, height: int, bits: int, colour: int, rows: bytes = b"") -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = zlib.compress(b"\0" + rows)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_too_many_pixels_are_refused_by_the_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(50_000, 50_000, 8, 2))
    monkeypatch.setattr(Image.Image, "load", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "50000 x 50000" in reason(path, "huge_image")
    assert Image.MAX_IMAGE_PIXELS == 89_478_485


def test_the_limit_of_pixels_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(picture(), tmp_path / "x.png")
    assert "more than most_pixels, 5" in reason(path, "huge_image", most_pixels=5)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    assert pixels(path, most_pixels=6) == in_rows(COLOURS)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif"])
def test_truncated_and_broken_files_have_a_reason(tmp_path: Path, suffix: str) -> None:
    whole = saved(Image.fromarray(noise(64, 64)), tmp_path / f"whole.{suffix}").read_bytes()
    path = tmp_path / f"x.{suffix}"
    for length in (5, 30, len(whole) // 2, len(whole) - 200):
        path.write_bytes(whole[:length])
        assert 0 < len(reason(path)) <= 200
    generator = np.random.default_rng(0)
    for _ in range(10):
        changed = np.frombuffer(whole, np.uint8).copy()
        changed[generator.integers(0, len(whole), 40)] = 0
        path.write_bytes(changed.tobytes())
        with suppress(UnusableImage):
            decode(path, ImageFormat(2, 3))


def test_what_is_no_image_has_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"")
    assert reason(path) == "the file is empty"
    path.write_text("label,file\n")
    assert reason(path).startswith("not an image, or not one of BMP,")
    path.write_bytes(png(0, 3, 8, 2))
    assert reason(path)


def test_what_the_system_refuses_is_not_the_images_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        decode(tmp_path / "x.png", ImageFormat(2, 3))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"height": 0}, "height is 0"),
        ({"channels": 4}, "channels is 4"),
        ({"fit": "corp"}, "did you mean 'crop'"),
        ({"white": 0}, "white is 0"),
    ],
)
def test_formats_that_make_no_sense(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ImageFormat(**{"height": 2, "width": 3, **options})
