"""Whether a checkpoint is as it was written."""

from __future__ import annotations

import zipfile
from pathlib import Path


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
        with zipfile.ZipFile(path) as archive:
            changed = archive.testzip()
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        return f"it is not whole: {error}"
    return f"its record {changed} has changed since it was written" if changed else None
