"""Whether a checkpoint is as it was written."""

from __future__ import annotations

import zipfile
from pathlib import Path

BEGINNING = b"PK"
"""Of every zip archive, torn ones too."""


def damage(path: Path) -> str | None:
    """Find what is wrong with a checkpoint file.

    ``torch.save`` writes a zip archive, which holds a checksum (CRC-32) of each of its records; on
    loading torch does not look at them.

    Args:
        path: of the checkpoint.

    Returns:
        What is wrong, None where every record is as it was written. Directories, in which sharded
        checkpoints are kept, are not looked into.
    """
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            # An empty file is torn.
            if (beginning := file.read(len(BEGINNING))) and beginning != BEGINNING:
                return "it does not begin as the files of torch do"
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            # Before anything is unpacked: a small file can say that it holds any amount.
            if packed := [each for each in records if each.compress_type != zipfile.ZIP_STORED]:
                return f"its record {packed[0].filename} is compressed, which torch never does"
            if sum(each.file_size for each in records) > path.stat().st_size:
                return "it is not whole: its records are larger than the file"
            changed = archive.testzip()
    except Exception as error:
        # Of the many kinds that a torn archive raises, `zipfile` lists none.
        return f"it is not whole: {error}"
    return f"its record {changed} has changed since it was written" if changed else None
