"""The configurations included in the package, found by name from any working folder."""

from __future__ import annotations

import os
from pathlib import Path

CONFIGS = "configs"
EXAMPLE = f"--config={CONFIGS}/experiment/digits.yaml"
"""Example of an argument that names a complete configuration."""
ENDINGS = (".yaml", ".yml")
INSTALLED = Path(__file__).parents[1] / CONFIGS
"""Their folder in a wheel."""
CLONED = Path(__file__).parents[3] / CONFIGS
"""Their folder in the repository, which an editable installation uses."""


def find_config(written: str | Path) -> Path:
    """Find a configuration file: the user's file, or else the package's.

    Args:
        written: a path, or a name such as ``experiment/digits``, which is short for
            ``configs/experiment/digits.yaml``.

    Returns:
        The file as written, if it exists in the working folder, also with ``.yaml`` appended;
        otherwise the package's file; otherwise the path as written.
    """
    own = Path(written)
    for folder, path in ((Path(), own), (offered_folder(), _inside(own))):
        for each in () if path is None else _spelled(folder / path):
            # A pipe is not a regular file, but it can be read.
            if os.path.exists(each) and not os.path.isdir(each):
                return each
    return own


def offered_beside(path: Path) -> list[Path]:
    """Return the package's configurations in the folder where a missing file was expected.

    Args:
        path: the path as written.
    """
    inside = _inside(path)
    if inside is None:
        return []
    folder = offered_folder() / inside.parent
    return sorted(each for each in folder.glob("*") if each.suffix in ENDINGS)


def offered_folder() -> Path:
    """Return the folder ``configs`` of the wheel or of the clone."""
    return INSTALLED if INSTALLED.is_dir() else CLONED


def _inside(path: Path) -> Path | None:
    """Return a path within the package's folder; None if it leads outside."""
    if path.is_absolute() or ".." in path.parts:
        return None
    return path.relative_to(CONFIGS) if path.parts[:1] == (CONFIGS,) else path


def _spelled(path: Path) -> list[Path]:
    if path.suffix in ENDINGS or not path.name:
        return [path]
    return [path, path.with_name(f"{path.name}{ENDINGS[0]}")]
