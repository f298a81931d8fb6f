"""The configurations that the package offers, found by name wherever the program runs."""

from __future__ import annotations

import os
from pathlib import Path

CONFIGS = "configs"
EXAMPLE = f"--config={CONFIGS}/experiment/digits.yaml"
"""Of an argument that names a whole configuration."""
ENDINGS = (".yaml", ".yml")
INSTALLED = Path(__file__).parents[1] / CONFIGS
"""Where a wheel has them."""
CLONED = Path(__file__).parents[3] / CONFIGS
"""Where they lie in the repository, from which an editable installation takes them."""


def find_config(written: str | Path) -> Path:
    """Find a configuration file: a person's own, else the package's.

    Args:
        written: a path, or a name such as ``experiment/digits``, for which
            ``configs/experiment/digits.yaml`` may be written too.

    Returns:
        The file as it is written, if it exists in the working folder, also with ``.yaml`` added;
        otherwise that of the package; otherwise the path as it is written.
    """
    own = Path(written)
    for folder, path in ((Path(), own), (offered_folder(), _inside(own))):
        for each in () if path is None else _spelled(folder / path):
            # A pipe is not a regular file, but it can be read.
            if os.path.exists(each) and not os.path.isdir(each):
                return each
    return own


def offered_beside(path: Path) -> list[Path]:
    """The package's configurations among which a missing file would lie.

    Args:
        path: as it is written.
    """
    inside = _inside(path)
    if inside is None:
        return []
    folder = offered_folder() / inside.parent
    return sorted(each for each in folder.glob("*") if each.suffix in ENDINGS)


def offered_folder() -> Path:
    """The folder ``configs`` of the wheel, or of the clone."""
    return INSTALLED if INSTALLED.is_dir() else CLONED


def _inside(path: Path) -> Path | None:
    """A path within the package's folder; None if it leads out of it."""
    if path.is_absolute() or ".." in path.parts:
        return None
    return path.relative_to(CONFIGS) if path.parts[:1] == (CONFIGS,) else path


def _spelled(path: Path) -> list[Path]:
    if path.suffix in ENDINGS or not path.name:
        return [path]
    return [path, path.with_name(f"{path.name}{ENDINGS[0]}")]
