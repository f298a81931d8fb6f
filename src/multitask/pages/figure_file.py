"""Figures that were drawn for a page, read again to be part of it."""

from __future__ import annotations

from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n"


def read_figure(path: Path, folder: Path) -> bytes | None:
    """Read a figure.

    Args:
        path: of the PNG file.
        folder: of the page.

    Returns:
        The file's content; None where there is no PNG file of its own below the folder.
    """
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return None
        content = path.read_bytes()
    except OSError:
        return None
    return content if content.startswith(PNG) else None


def missing_sentence(path: Path) -> str:
    """What a page says in place of a figure that is not there.

    Args:
        path: of the PNG file.
    """
    return f"The figure {path.name} is missing: it could not be drawn, or was removed."
