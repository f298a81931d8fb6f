"""Detection of damaged checkpoints."""

from __future__ import annotations

import zipfile
from pathlib import Path

BEGINNING = b"PK"
"""First bytes of every zip archive, including truncated ones."""


def damage(path: Path) -> str | None:
    """Find what is wrong with a checkpoint file.

    ``torch.save`` writes a zip archive, which stores a checksum (CRC-32) of each record; torch does
    not verify the checksums on loading.

    Args:
        path: path of the checkpoint.

    Returns:
        What is wrong, or None if every record is as it was written. Directories, in which sharded
        checkpoints are stored, are not checked.
    """
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            # An empty file is a truncated one.
            if (beginning := file.read(len(BEGINNING))) and beginning != BEGINNING:
                return "it does not start like a file of torch"
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            # Checked before unpacking: a small file can claim to hold any amount of data.
            if packed := [each for each in records if each.compress_type != zipfile.ZIP_STORED]:
                return f"its record {packed[0].filename} is compressed, which torch never does"
            if sum(each.file_size for each in records) > path.stat().st_size:
                return "it is incomplete: its records are larger than the file"
            changed = archive.testzip()
    except Exception as error:
        # A truncated archive raises many kinds of errors, and `zipfile` documents none of them.
        return f"it is incomplete: {error}"
    return f"its record {changed} has changed since it was written" if changed else None
