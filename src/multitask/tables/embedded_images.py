"""Images stored in the cells of a Parquet file, as on the Hugging Face hub."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from multitask.errors import InputError

FOLDER = "embedded"
BATCH = 64
"""Number of rows whose images are in memory at a time."""
ENDINGS = {
    b"\x89PNG": "png",
    b"\xff\xd8": "jpg",
    b"GIF8": "gif",
    b"BM": "bmp",
    b"RIFF": "webp",
    b"II*\x00": "tif",
    b"MM\x00*": "tif",
}


def image_columns(file: pq.ParquetFile) -> list[str]:
    """Return the columns whose cells are bytes, or contain bytes beside a path.

    Args:
        file: the table.
    """
    return [each.name for each in file.schema_arrow if _holds_bytes(each.type)]


def put_out(file: pq.ParquetFile, column: str, folder: Path) -> list[str | None]:
    """Write the images of a column to files, one per distinct content.

    Args:
        file: the table.
        column: see `image_columns`.
        folder: the destination; a file is named by its digest and its name in the cell.

    Returns:
        The file of each row, relative to the folder; None if the cell is empty.

    Raises:
        InputError: if a file cannot be written.
    """
    try:
        return [_put(*each, folder) if each else None for each in _cells(file, column)]
    except OSError as error:
        raise InputError(
            f"the images in column '{column}' cannot be written to {folder} ({error.strerror}); "
            "choose another folder with data.init_args.cache_folder"
        ) from error


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(each.name == "bytes" and _holds_bytes(each.type) for each in kind)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _cells(file: pq.ParquetFile, column: str) -> Iterator[tuple[bytes, str] | None]:
    for batch in file.iter_batches(BATCH, columns=[column]):
        for cell in batch.column(0).to_pylist():
            content: Any = cell.get("bytes") if isinstance(cell, dict) else cell
            name = cell.get("path") if isinstance(cell, dict) else None
            yield (content, _name(content, name)) if content else None


def _name(content: bytes, name: str | None) -> str:
    plain = Path(name or "").name
    if plain not in ("", ".", ".."):
        return plain
    ending = next((each for start, each in ENDINGS.items() if content.startswith(start)), "unknown")
    return f"image.{ending}"


def _put(content: bytes, name: str, folder: Path) -> str:
    digest = hashlib.sha256(content).hexdigest()[:32]
    path = folder / digest / name
    if not (path.is_file() and path.stat().st_size == len(content)):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Another process may be writing the same file.
        part = path.with_name(f".{os.getpid()}.part")
        part.write_bytes(content)
        part.replace(path)
    return os.path.join(digest, name)
