"""Any file as an image is read, or refused in one sentence, in little time and memory."""

from __future__ import annotations

import csv
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzz.campaign import attack
from fuzz.outcome import outcome
from hypothesis import strategies as st
from PIL import Image

from multitask.data import Table
from multitask.inspection.table_inspection import look_past
from multitask.tables.target_columns import TargetColumns

ENDINGS = (".png", ".jpg", ".bmp", ".gif", ".tiff", ".webp", "", ".txt")
PIXELS = np.random.default_rng(0).integers(0, 256, (9, 7, 4), dtype=np.uint8)
DEEP = np.arange(63, dtype=np.uint16).reshape(9, 7) * 1000


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = orientation
    return exif


COLOUR, CLEAR = Image.fromarray(PIXELS[..., :3]), Image.fromarray(PIXELS)
GREY, GREY16 = Image.fromarray(PIXELS[..., 0]), Image.fromarray(DEEP)
FILES = (
    *(_saved(COLOUR, kind) for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")),
    *(_saved(CLEAR, kind) for kind in ("PNG", "TIFF", "WEBP")),
    *(_saved(GREY, kind) for kind in ("PNG", "JPEG", "TIFF")),
    *(_saved(GREY16, kind) for kind in ("PNG", "TIFF")),
    *(_saved(COLOUR.convert("P"), kind, transparency=3) for kind in ("PNG", "GIF")),
    _saved(COLOUR.convert("1"), "PNG"),
    _saved(COLOUR.convert("CMYK"), "JPEG"),
    _saved(COLOUR, "JPEG", progressive=True, exif=_exif(6)),
    _saved(COLOUR, "PNG", exif=_exif(3)),
    _saved(COLOUR, "TIFF", compression="tiff_lzw"),
    _saved(GREY.convert("F"), "TIFF"),
    _saved(COLOUR, "GIF", save_all=True, append_images=[COLOUR.rotate(90, expand=True)]),
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
)


def _png(width: int, height: int, content: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG whose header says what it likes, with sums that are right."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"tEXt", b"a\x00" + content[:50])
        + chunk(b"IDAT", zlib.compress(content))
        + chunk(b"IEND", b"")
    )


SIZES = st.sampled_from([0, 1, 2, 7, 9, 300, 9_000, 65_535, 2**20, 2**31 - 1, 2**32 - 1])
BOMBS = st.builds(
    _png,
    SIZES,
    SIZES,
    st.sampled_from([b"", b"\x00" * 100, b"\x00" * 10**6]),
    st.sampled_from([1, 2, 4, 8, 16, 3]),
    st.sampled_from([0, 2, 3, 4, 6, 1]),
)


@st.composite
def damaged(draw: Any) -> bytes:
    """An image file with some bits turned, pieces lost, doubled or swapped, or cut."""
    content = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, min(len(content) - 1, draw(st.sampled_from([40, 10**6]))))))
        how = draw(st.sampled_from(["bit", "bit", "byte", "cut", "lose", "double", "number"]))
        if how == "bit" and content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "byte" and content:
            content[at] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
        elif how == "cut":
            del content[at:]
        elif how == "lose":
            del content[at : at + draw(st.integers(1, 8))]
        elif how == "double":
            content[at:at] = content[at : at + 20]
        else:
            huge = st.sampled_from([b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00"])
            content[at : at + 4] = draw(huge)
    return bytes(content)


# Its places are read with twice as many bytes, and lie where no file has any.
BIG_TIFF = b"II+" + _saved(COLOUR, "TIFF")[3:]
PAST = [([BIG_TIFF], ".tiff", "stretch", 3)]
INPUTS = st.tuples(
    st.lists(st.one_of(damaged(), damaged(), BOMBS), min_size=1, max_size=4),
    st.sampled_from(ENDINGS),
    st.sampled_from(["stretch", "crop", "pad"]),
    st.sampled_from([1, 3]),
)


def check_files(given: tuple[list[bytes], str, str, int]) -> None:
    contents, ending, fit, channels = given
    names = [f"{number}{ending}" for number in range(len(contents))]
    for name, content in zip(names, contents, strict=True):
        Path("photos", name).write_bytes(content)
    good = [f"good{number}.png" for number in range(4)]
    with Path("photos/metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["file_name", "size"], *([name, 1] for name in [*good, *names])]
        )
    outcome(lambda: _read(fit, channels, look=False))
    sentence = outcome(lambda: _read(fit, channels, look=True))
    # What cannot be read is left out, and the others are there.
    assert sentence is None, sentence


def _read(fit: Any, channels: int, look: bool) -> None:
    targets = {"size": TargetColumns("size")}
    data = Table(targets, Path("photos"), image_size=5, fit=fit, channels=channels, seed=0)
    if look:
        look_past(data)
    data.setup()
    for split in data.splits.values():
        for place in range(len(split)):
            assert split[[place]]["image"].shape == (1, channels, 5, 5)


@pytest.mark.filterwarnings("ignore")
def test_any_image_file() -> None:
    Path("photos").mkdir()
    for number in range(4):
        Image.new("RGB", (3, 3), (number, 0, 0)).save(f"photos/good{number}.png")
    attack(check_files, INPUTS, examples=50, past=PAST)
